// node build.mjs DIGEST: bundles src/ into ../static/, with names that change when their content does.
// The manifest names the entries and, by DIGEST, the sources that they were made of.
import { build } from "esbuild";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";

const target = new URL("../static/", import.meta.url).pathname;
const fresh = `${target.slice(0, -1)}.${process.pid}/`;
const entries = {
  app: "src/app.tsx",
  terminal: "src/terminal_page.tsx",
  share: "src/share_page.ts",
  login: "src/login_page.ts",
  style: "src/style/style.css",
};

async function bundle() {
  const result = await build({
    absWorkingDir: new URL(".", import.meta.url).pathname,
    entryPoints: entries,
    outdir: fresh,
    entryNames: "[name]-[hash]",
    chunkNames: "chunk-[hash]",
    assetNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    minify: true,
    metafile: true,
    legalComments: "linked",
    logLevel: "warning",
  });
  return Object.fromEntries(
    Object.entries(result.metafile.outputs)
      .map(([path, made]) => [entryName(made.entryPoint), basename(path)])
      .filter(([name]) => name),
  );
}

function entryName(source) {
  return Object.keys(entries).find((name) => entries[name] === source);
}

async function writePages(made) {
  for (const name of await readdir(new URL("pages", import.meta.url))) {
    const text = await readFile(new URL(`pages/${name}`, import.meta.url), "utf8");
    const filled = text.replace(/@(\w+)@/g, (_, entry) => `/static/${made[entry]}`);
    await writeFile(`${fresh}${name}`, filled);
  }
}

await rm(fresh, { recursive: true, force: true });
await mkdir(fresh, { recursive: true });
const made = await bundle();
await writePages(made);
await cp(new URL("icon.svg", import.meta.url), `${fresh}icon.svg`);
const manifest = { sources: process.argv[2] ?? "", entries: made };
await writeFile(`${fresh}manifest.json`, `${JSON.stringify(manifest, null, 1)}\n`);
await rm(target, { recursive: true, force: true });
await rename(fresh, target);
