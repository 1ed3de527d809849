// Builds assets/dist (served under /static/<hash>/) and the fonts of crates/pdf.
// A file is rewritten only when its content changed, so that cargo rebuilds only then.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { faces } from "./faces.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const own = join(root, "assets");
const dist = join(own, "dist");
const fonts = join(root, "crates", "pdf", "fonts");

/** @type {Set<string>} Every file this run stands for; what else lies in assets/dist is removed. */
const wanted = new Set();
let changed = 0;

/** @param {string} path @param {Buffer | string} content */
function write(path, content) {
  const bytes = Buffer.from(content);
  wanted.add(path);
  if (existsSync(path) && readFileSync(path).equals(bytes)) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  changed += 1;
}

/** @param {string} path inside node_modules */
function vendor(path) {
  const file = join(modules, path);
  if (!existsSync(file)) throw new Error(`${relative(root, file)} is missing: run \`npm ci --ignore-scripts\` again`);
  return readFileSync(file);
}

/** Source maps are not shipped, so the pointer to them goes too. @param {Buffer} code */
function withoutSourceMap(code) {
  return code.toString("utf8").replace(/\n?(\/\*# sourceMappingURL=[^*]*\*\/|\/\/# sourceMappingURL=\S*)\s*$/, "\n");
}

/**
 * The content security policy refuses `data:` images, so each becomes a file img/<prefix>-<hash>.svg.
 * @param {string} css @param {string} prefix
 */
function imagesToFiles(css, prefix) {
  return css.replace(/url\(\s*(["']?)data:image\/svg\+xml(?:;charset=utf-?8)?,(.*?)\1\s*\)/gis, (_, quote, data) => {
    if (quote === "") throw new Error(`unquoted data: image in ${prefix}`);
    const svg = decodeURIComponent(data);
    const name = `img/${prefix}-${createHash("sha256").update(svg).digest("hex").slice(0, 10)}.svg`;
    write(join(dist, name), svg);
    return `url("${name}")`;
  });
}

/** @param {string} name @param {string} css */
function stylesheet(name, css) {
  const left = css.match(/url\(\s*["']?(?:data|https?):[^)]{0,60}/i);
  if (left) throw new Error(`${name} still refers to ${left[0]}`);
  write(join(dist, name), css);
}

/** One `<symbol>` per name in assets/icons.txt. */
function sprite() {
  const names = readFileSync(join(own, "icons.txt"), "utf8")
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter(Boolean);
  const symbols = [...new Set(names)].sort().map((name) => {
    const svg = vendor(`@tabler/icons/icons/outline/${name}.svg`).toString("utf8").replace(/<!--[\s\S]*?-->/g, "");
    const body = svg.match(/<svg[^>]*>([\s\S]*)<\/svg>/)?.[1];
    if (!body) throw new Error(`icon ${name} is not an SVG file`);
    return `<symbol id="${name}" viewBox="0 0 24 24">${body.replace(/\s*\n\s*/g, "")}</symbol>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
}

/** @param {string} folder @returns {string[]} */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

/** @param {string} folder */
function removeEmptyFolders(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    removeEmptyFolders(path);
    if (readdirSync(path).length === 0) rmdirSync(path);
  }
}

async function build() {
  stylesheet("bootstrap.min.css", imagesToFiles(withoutSourceMap(vendor("bootstrap/dist/css/bootstrap.min.css")), "bootstrap"));
  stylesheet("tom-select.min.css", imagesToFiles(withoutSourceMap(vendor("tom-select/dist/css/tom-select.bootstrap5.min.css")), "tom-select"));
  stylesheet("app.css", readFileSync(join(own, "app.css"), "utf8"));
  write(join(dist, "tom-select.min.js"), withoutSourceMap(vendor("tom-select/dist/js/tom-select.base.min.js")));
  write(join(dist, "htmx.min.js"), withoutSourceMap(vendor("htmx.org/dist/htmx.min.js")));
  write(join(dist, "app.js"), readFileSync(join(own, "app.js")));
  write(join(dist, "icons.svg"), sprite());
  for (const file of filesBelow(join(own, "img"))) write(join(dist, "img", relative(join(own, "img"), file)), readFileSync(file));

  const licences = {
    "bootstrap.txt": "bootstrap/LICENSE",
    "htmx.txt": "htmx.org/LICENSE",
    "tabler-icons.txt": "@tabler/icons/LICENSE",
    "tom-select.txt": "tom-select/LICENSE",
  };
  for (const [name, from] of Object.entries(licences)) write(join(dist, "licences", name), vendor(from));

  await faces(vendor, write, fonts);
  for (const file of filesBelow(join(fonts, "licences"))) write(join(dist, "licences", "faces", relative(join(fonts, "licences"), file)), readFileSync(file));

  for (const file of filesBelow(dist)) {
    if (wanted.has(file)) continue;
    rmSync(file);
    changed += 1;
  }
  removeEmptyFolders(dist);
}

try {
  await build();
  console.log(changed === 0 ? "assets: up to date" : `assets: ${changed} files written`);
} catch (error) {
  console.error(`assets: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
