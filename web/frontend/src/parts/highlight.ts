// Colours for code, as a tree of named pieces of text: nothing here makes HTML out of text.
import { common, createLowlight } from "lowlight";

export interface Piece {
  text: string;
  kind: string;
}

interface Node {
  type: string;
  value?: string;
  children?: Node[];
  properties?: { className?: string[] };
}

const lowlight = createLowlight(common);
const LONGEST = 200_000;

/** The pieces of each line of the text. */
export function highlight(lines: readonly string[], language: string): Piece[][] {
  const text = lines.join("\n");
  if (!lowlight.registered(language) || text.length > LONGEST) return lines.map((line) => [{ text: line, kind: "" }]);
  const result: Piece[][] = [[]];
  walk(lowlight.highlight(language, text) as Node, "", result);
  return result;
}

function walk(node: Node, kind: string, lines: Piece[][]): void {
  if (node.type === "text") return addText(node.value ?? "", kind, lines);
  const own = node.properties?.className?.join(" ") ?? kind;
  for (const child of node.children ?? []) walk(child, own, lines);
}

function addText(text: string, kind: string, lines: Piece[][]): void {
  text.split("\n").forEach((part, index) => {
    if (index > 0) lines.push([]);
    if (part) lines.at(-1)?.push({ text: part, kind });
  });
}
