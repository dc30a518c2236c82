// The one live connection of a page: events by id, taken up again where they were left.
import { checkLogin } from "./api";
import { Pause, waitToRetry } from "./pause";
import type { FeedMessage } from "./protocol";

interface FeedListener {
  /** Connected anew; `isWhole` when no event was missed since the last connection. */
  onOpen(isWhole: boolean): void;
  onMessage(message: FeedMessage): void;
  onAway(reason: string): void;
}

export class Feed {
  private last = "";
  private readonly pause = new Pause();

  constructor(private readonly listener: FeedListener) {}

  connect(): void {
    const query = this.last ? `?after=${encodeURIComponent(this.last)}` : "";
    const address = new URL(`/api/v1/feed${query}`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    socket.onmessage = (event: MessageEvent<string>) => this.take(event.data);
    socket.onclose = (event) => void this.retry(event);
  }

  private take(text: string): void {
    for (const line of text.split("\n")) {
      if (line) this.deliver(JSON.parse(line) as FeedMessage);
    }
  }

  private deliver(message: FeedMessage): void {
    if (message.type === "hello") {
      this.pause.reset();
      this.listener.onOpen(this.last !== "");
    }
    if (message.id) this.last = message.id;
    this.listener.onMessage(message);
  }

  private async retry(event: CloseEvent): Promise<void> {
    this.listener.onAway(event.reason || "AIOS does not answer. Trying again…");
    await checkLogin().catch(() => undefined);
    waitToRetry(this.pause.next(), () => this.connect());
  }
}
