// A change, side by side or in one column, file by file. diff2html reads it; what it says is shown as text.
import { parse } from "diff2html/lib-esm/diff-parser";
import type { DiffBlock, DiffFile } from "diff2html/lib-esm/types";
import { useMemo, useState } from "preact/hooks";
import { usePreference } from "../preferences";
import { count } from "../words";
import { highlight, type Piece } from "./highlight";

/** Files of more changed lines are opened by a click. */
const LARGE = 800;

interface Side {
  number: number;
  kind: "insert" | "delete" | "context";
  pieces: Piece[];
}

type Pair = [left: Side | null, right: Side | null];

export function Diff({ text }: { text: string }) {
  const files = useMemo(() => parse(text, { srcPrefix: "a/", dstPrefix: "b/" }), [text]);
  const [view, setView] = usePreference("diff", innerWidth < 900 ? "lines" : "sides");
  if (files.length === 0) return <p class="empty">No change.</p>;
  return (
    <div class="diff">
      <div class="bar">
        <strong>{count(files.length, "file")}</strong>
        <span class="spacer" />
        <label class="inline">
          Show
          <select value={view} onChange={(event) => setView(event.currentTarget.value)}>
            <option value="sides">side by side</option>
            <option value="lines">in one column</option>
          </select>
        </label>
      </div>
      <ol class="files">
        {files.map((file, index) => (
          <li key={nameOf(file)}>
            <a href={`#file-${index}`}>{nameOf(file)}</a> <Sums file={file} />
          </li>
        ))}
      </ol>
      {files.map((file, index) => (
        <File key={nameOf(file)} file={file} index={index} isSplit={view === "sides"} />
      ))}
    </div>
  );
}

function Sums({ file }: { file: DiffFile }) {
  return (
    <span class="size">
      <span class="added">+{file.addedLines}</span> <span class="removed">−{file.deletedLines}</span>
    </span>
  );
}

function nameOf(file: DiffFile): string {
  if (file.isDeleted || file.newName === "/dev/null") return file.oldName;
  return file.isRename ? `${file.oldName} → ${file.newName}` : file.newName;
}

function File({ file, index, isSplit }: { file: DiffFile; index: number; isSplit: boolean }) {
  const [isOpen, setOpen] = useState(file.addedLines + file.deletedLines <= LARGE);
  return (
    <section class="file" id={`file-${index}`} aria-label={nameOf(file)}>
      <h2>
        <button
          type="button"
          aria-label={isOpen ? "Close" : "Open"}
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? "▾" : "▸"}
        </button>
        <span class="path">{nameOf(file)}</span>
        {file.isNew && <span class="quiet">new</span>}
        {file.isDeleted && <span class="quiet">removed</span>}
        <Sums file={file} />
      </h2>
      {isOpen && file.isBinary && <p class="quiet">Binary: not shown.</p>}
      {isOpen && !file.isBinary && file.blocks.length === 0 && <p class="quiet">Its lines are the same.</p>}
      {isOpen && (
        <div class="scroll">
          {file.blocks.map((block) => (
            <Block key={block.header} block={block} file={file} isSplit={isSplit} />
          ))}
        </div>
      )}
    </section>
  );
}

function Block({ block, file, isSplit }: { block: DiffBlock; file: DiffFile; isSplit: boolean }) {
  const pairs = useMemo(() => toPairs(block, file.language), [block]);
  return (
    <table class={isSplit ? "code split" : "code"}>
      {isSplit && (
        <colgroup>
          <col class="line" />
          <col />
          <col class="line" />
          <col />
        </colgroup>
      )}
      <tbody>
        <tr class="hunk">
          <td colSpan={isSplit ? 4 : 3}>{block.header}</td>
        </tr>
        {isSplit
          ? pairs.map((pair, at) => <SplitLine key={at} pair={pair} />)
          : inOneColumn(pairs).map((side, at) => <Line key={at} side={side} />)}
      </tbody>
    </table>
  );
}

/** Removed lines beside the added ones that stand in their place. */
function toPairs(block: DiffBlock, language: string): Pair[] {
  const left = sidesOf(block, language, "insert");
  const right = sidesOf(block, language, "delete");
  const pairs: Pair[] = [];
  while (left.length || right.length) {
    if (left[0]?.kind === "context" && right[0]?.kind === "context")
      pairs.push([left.shift() ?? null, right.shift() ?? null]);
    else pairs.push([take(left, "delete"), take(right, "insert")]);
  }
  return pairs;
}

function take(sides: Side[], kind: Side["kind"]): Side | null {
  return sides[0]?.kind === kind ? (sides.shift() ?? null) : null;
}

function sidesOf(block: DiffBlock, language: string, other: Side["kind"]): Side[] {
  const lines = block.lines.filter((line) => (line.type as string) !== other);
  const coloured = highlight(
    lines.map((line) => line.content.slice(1)),
    language,
  );
  return lines.map((line, at) => ({
    number: (other === "insert" ? line.oldNumber : line.newNumber) ?? 0,
    kind: line.type as Side["kind"],
    pieces: coloured[at] ?? [],
  }));
}

function inOneColumn(pairs: readonly Pair[]): Side[] {
  const sides: Side[] = [];
  let added: Side[] = [];
  const flush = (): void => {
    sides.push(...added);
    added = [];
  };
  for (const [left, right] of pairs) {
    if (left?.kind === "context") flush();
    if (left) sides.push(left);
    if (right?.kind === "insert") added.push(right);
  }
  flush();
  return sides;
}

const SIGNS = { insert: "+", delete: "−", context: " " };

function Text({ side }: { side: Side | null }) {
  return (
    <td class={`text ${side?.kind ?? "none"}`}>
      {side?.pieces.map((piece, at) =>
        piece.kind ? (
          <span key={at} class={piece.kind}>
            {piece.text}
          </span>
        ) : (
          piece.text
        ),
      )}
    </td>
  );
}

function SplitLine({ pair: [left, right] }: { pair: Pair }) {
  return (
    <tr>
      <td class={`line ${left?.kind ?? "none"}`}>{left?.number}</td>
      <Text side={left} />
      <td class={`line ${right?.kind ?? "none"}`}>{right?.number}</td>
      <Text side={right} />
    </tr>
  );
}

function Line({ side }: { side: Side }) {
  return (
    <tr>
      <td class={`line ${side.kind}`}>{side.number}</td>
      <td class={`sign ${side.kind}`}>{SIGNS[side.kind]}</td>
      <Text side={side} />
    </tr>
  );
}
