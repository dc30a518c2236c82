// The socket of one terminal: acknowledges what was shown, and comes back by itself where that makes sense.
import { checkLogin } from "../api";
import { Pause, waitToRetry } from "../pause";
import type { Shared } from "../protocol";

/** What was shown is acknowledged in steps of this many bytes. */
const ACK_BYTES = 128 * 1024;
/** Input goes in pieces of at most so many bytes. */
const PIECE_BYTES = 64 * 1024;
/** A connection that lasted so long was a good one: the next attempt comes soon again. */
const GOOD_MS = 3000;

/** Close codes after which nobody connects again by himself, and what they mean. */
const FINAL: Record<number, string> = {
  1009: "Too much was sent at once.",
  4000: "The session ended.",
  4001: "Detached.",
  4002: "There is nothing to show.",
  4003: "The login is over.",
  4004: "Too many look at this session already.",
  4005: "The page and the service do not understand each other: reload the page.",
};
const LOGIN_OVER = 4003;

export interface Hello {
  job: Shared;
  read_only: boolean;
  is_resumed: boolean;
}

export type LinkState =
  { kind: "connecting" } | { kind: "live" } | { kind: "away"; reason: string } | { kind: "over"; reason: string };

interface LinkListener {
  size(): { cols: number; rows: number };
  onHello(hello: Hello): void;
  /** `done` is called when the bytes are on the screen. */
  onOutput(data: Uint8Array, done: () => void): void;
  onState(state: LinkState): void;
}

export class Link {
  private socket: WebSocket | null = null;
  private readonly pause = new Pause();
  private unacked = 0;
  private openedAt = 0;
  private stopWaiting: () => void = () => undefined;
  private isClosed = false;

  constructor(
    private readonly session: string,
    private readonly listener: LinkListener,
  ) {}

  connect(): void {
    this.stopWaiting();
    this.listener.onState({ kind: "connecting" });
    const socket = new WebSocket(this.address());
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => this.take(socket, event.data);
    socket.onclose = (event) => void this.onClose(socket, event);
    this.socket = socket;
    this.unacked = 0;
  }

  close(): void {
    this.isClosed = true;
    this.stopWaiting();
    this.socket?.close();
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      this.put(bytes.subarray(start, start + PIECE_BYTES));
    }
  }

  resize(): void {
    const { cols, rows } = this.listener.size();
    this.put(JSON.stringify({ resize: [cols, rows] }));
  }

  private put(message: string | Uint8Array<ArrayBuffer>): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(message);
  }

  private address(): URL {
    const { cols, rows } = this.listener.size();
    const address = new URL(`/attach/${encodeURIComponent(this.session)}?cols=${cols}&rows=${rows}`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    return address;
  }

  private take(socket: WebSocket, data: string | ArrayBuffer): void {
    if (socket !== this.socket) return;
    if (typeof data === "string") return this.takeText(JSON.parse(data) as { hello?: Hello });
    const bytes = new Uint8Array(data);
    this.listener.onOutput(bytes, () => this.shown(socket, bytes.length));
  }

  private takeText(message: { hello?: Hello }): void {
    if (!message.hello) return;
    this.openedAt = Date.now();
    this.listener.onHello(message.hello);
    this.listener.onState({ kind: "live" });
    this.resize(); // it may have changed since the address was made
  }

  private shown(socket: WebSocket, bytes: number): void {
    if (socket !== this.socket) return;
    this.unacked += bytes;
    if (this.unacked < ACK_BYTES) return;
    this.put(JSON.stringify({ ack: this.unacked }));
    this.unacked = 0;
  }

  private async onClose(socket: WebSocket, event: CloseEvent): Promise<void> {
    if (socket !== this.socket || this.isClosed) return;
    this.socket = null;
    const final = FINAL[event.code];
    if (event.code === LOGIN_OVER || event.code === 1006) await checkLogin().catch(() => undefined);
    if (final) return this.listener.onState({ kind: "over", reason: event.reason || final });
    if (Date.now() - this.openedAt > GOOD_MS && this.openedAt) this.pause.reset();
    this.openedAt = 0;
    this.listener.onState({ kind: "away", reason: event.reason || "The connection was lost" });
    this.stopWaiting = waitToRetry(this.pause.next(), () => this.connect());
  }
}
