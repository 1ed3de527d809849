// The faces of the papers (crates/pdf): the main face from npm as it is, and fallback faces for what it lacks, cut into
// pieces of at most 1,024 characters and packed into one file. A paper unpacks only the pieces whose characters it uses.
//
// fonts/NotoSerifSC-*.ttf  the main face
// fonts/fallback.bin       the packed pieces (raw deflate), one behind the other
// fonts/fallback.txt       what lies where, and which characters each face prints; read by crates/pdf/build.rs
// fonts/licences/*.txt     the licence of each face
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";

const require = createRequire(import.meta.url);

/** Packages of npm: file below the package, and the name of the face. */
const GOOGLE = "@expo-google-fonts";
const MAIN = [
  { weight: 400, file: `${GOOGLE}/noto-serif-sc/400Regular/NotoSerifSC_400Regular.ttf`, to: "NotoSerifSC-Regular.ttf" },
  { weight: 700, file: `${GOOGLE}/noto-serif-sc/700Bold/NotoSerifSC_700Bold.ttf`, to: "NotoSerifSC-Bold.ttf" },
];
const SERIF = [
  { weight: 400, file: `${GOOGLE}/noto-serif/400Regular/NotoSerif_400Regular.ttf` },
  { weight: 700, file: `${GOOGLE}/noto-serif/700Bold/NotoSerif_700Bold.ttf` },
];
const SYMBOLS = ["noto-sans-math/400Regular/NotoSansMath", "noto-sans-symbols/400Regular/NotoSansSymbols", "noto-sans-symbols-2/400Regular/NotoSansSymbols2"];
const HANGUL = `${GOOGLE}/noto-serif-kr/400Regular/NotoSerifKR_400Regular.ttf`;

/** Debian's package of the Hanazono faces, which hold the extensions A to F. Nobody develops them further. */
const HANAZONO = {
  package: "fonts-hanazono",
  folders: ["/usr/share/fonts/truetype/hanazono", "/usr/share/fonts/hanazono"],
  copyright: "/usr/share/doc/fonts-hanazono/copyright",
  sha256: {
    "HanaMinA.ttf": "7ca87559414474848fc513a8d8eb42d5b0f8194c30c2abdfbfedff5398ec88d7",
    "HanaMinB.ttf": "829543436cdf7b4c6730e2af5806fa406f8ddf0d4b656e0cd49c58d4db1c8d3c",
  },
};

/** Characters that a fallback face prints; what the main face has comes from there. @type {Record<string, [number, number][]>} */
const RANGES = {
  symbols: [[0x2010, 0x2bff]],
  hangul: [[0x3131, 0x318e], [0xac00, 0xd7a3]],
  han: [[0x2e80, 0x2fdf], [0x3000, 0x303f], [0x3100, 0x312f], [0x31a0, 0x31ff], [0x3200, 0x9fff], [0xf900, 0xfaff], [0xfe10, 0xfe1f], [0xfe30, 0xfe6f], [0xff00, 0xffef], [0x1b000, 0x1b16f], [0x20000, 0x2fa1f], [0x30000, 0x3ffff]],
};

/** What is never printed, whatever a face holds: controls, invisible characters, private use. */
const NEVER = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
/** What no fallback face is asked for: emoji, and accents, which must come from the face of their letter. */
const NO_SIGN = /[\p{Emoji_Presentation}\p{M}]/u;

const PIECE_BITS = 10;

/** @param {Buffer} bytes */
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** @param {string} program @param {string[]} args @param {string} cwd */
function tried(program, args, cwd) {
  const done = spawnSync(program, args, { cwd, encoding: "utf8", env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" } });
  return { ok: done.status === 0, said: `${done.stderr ?? ""}${done.error?.message ?? ""}`.trim() };
}

/**
 * The Hanazono faces: from a folder that is named, from the installed package, or from the package's file, which needs
 * no rights of root.
 * @returns {{ faces: Record<string, Buffer>, licence: Buffer }}
 */
function hanazono() {
  const named = process.env.MIANBAN_HANAZONO;
  const folders = named ? [named] : HANAZONO.folders;
  for (const folder of folders) {
    if (Object.keys(HANAZONO.sha256).every((name) => existsSync(join(folder, name)))) {
      const beside = [join(folder, "copyright"), HANAZONO.copyright].find((path) => existsSync(path));
      if (beside) return checked(folder, beside);
    }
  }
  const how = "install Debian's package fonts-hanazono, or put its HanaMinA.ttf, HanaMinB.ttf and copyright into a folder and name it in MIANBAN_HANAZONO";
  if (named) throw new Error(`${named} does not hold HanaMinA.ttf, HanaMinB.ttf and copyright: ${how}`);
  const folder = mkdtempSync(join(tmpdir(), "mianban-faces-"));
  try {
    const own = ["-o", `Dir::State=${join(folder, "state")}`, "-o", `Dir::Cache=${join(folder, "cache")}`, "-o", "APT::Sandbox::User="];
    // The lists of the system first; where they are missing or old, lists of our own for the moment.
    let got = tried("apt-get", ["download", HANAZONO.package], folder);
    if (!got.ok) {
      for (const part of ["state/lists/partial", "cache/archives/partial"]) mkdirSync(join(folder, part), { recursive: true });
      const updated = tried("apt-get", [...own, "update"], folder);
      got = updated.ok ? tried("apt-get", [...own, "download", HANAZONO.package], folder) : updated;
    }
    const file = readdirSync(folder).find((name) => name.endsWith(".deb"));
    if (!got.ok || !file) throw new Error(`the Hanazono faces cannot be fetched (${got.said.split("\n").at(-1)}): ${how}`);
    const unpacked = tried("dpkg-deb", ["-x", file, "package"], folder);
    if (!unpacked.ok) throw new Error(`${file} cannot be unpacked (${unpacked.said}): ${how}`);
    const inside = join(folder, "package");
    return checked(join(inside, HANAZONO.folders[0]), join(inside, HANAZONO.copyright));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} folder @param {string} licence */
function checked(folder, licence) {
  /** @type {Record<string, Buffer>} */
  const faces = {};
  for (const [name, sum] of Object.entries(HANAZONO.sha256)) {
    faces[name] = readFileSync(join(folder, name));
    if (sha256(faces[name]) !== sum) throw new Error(`${join(folder, name)} is not the edition 20170904 of the Hanazono faces`);
  }
  return { faces, licence: readFileSync(licence) };
}

/** @param {string} tag */
const tagged = (tag) => [...tag].reduce((sum, c) => (sum << 8) + c.charCodeAt(0), 0);

/**
 * Cuts pieces out of one face. Each face has an instance of its own, because the memory of an instance never shrinks.
 * @param {WebAssembly.Module} module @param {Buffer} bytes
 */
async function cutter(module, bytes) {
  const { exports } = await WebAssembly.instantiate(module, {});
  const hb = /** @type {any} */ (exports);
  hb._initialize();
  const at = hb.malloc(bytes.length);
  new Uint8Array(hb.memory.buffer).set(bytes, at);
  const blob = hb.hb_blob_create(at, bytes.length, 2 /* writable */, 0, 0);
  const face = hb.hb_face_create(blob, 0);
  hb.hb_blob_destroy(blob);
  /** @param {Iterable<number>} characters */
  return (characters) => {
    const input = hb.hb_subset_input_create_or_fail();
    const wanted = hb.hb_subset_input_unicode_set(input);
    for (const c of characters) hb.hb_set_add(wanted, c);
    hb.hb_subset_input_set_flags(input, 1 /* without hinting */);
    // Ideographs, syllables and signs stand alone: no ligatures, no vertical setting.
    const dropped = hb.hb_subset_input_set(input, 3 /* tables */);
    for (const table of ["GSUB", "GPOS", "GDEF", "BASE", "vhea", "vmtx", "VORG", "MATH", "DSIG", "gasp", "FFTM"]) hb.hb_set_add(dropped, tagged(table));
    const cut = hb.hb_subset_or_fail(face, input);
    hb.hb_subset_input_destroy(input);
    if (cut === 0) throw new Error("a face cannot be cut");
    const result = hb.hb_face_reference_blob(cut);
    const start = hb.hb_blob_get_data(result, 0);
    const piece = Buffer.from(new Uint8Array(hb.memory.buffer, start, hb.hb_blob_get_length(result)));
    hb.hb_blob_destroy(result);
    hb.hb_face_destroy(cut);
    return piece;
  };
}

/** First and last of each unbroken run, hexadecimal. @param {Iterable<number>} characters */
function runs(characters) {
  /** @type {[number, number][]} */
  const all = [];
  for (const c of [...characters].sort((a, b) => a - b)) {
    const last = all.at(-1);
    if (last && last[1] + 1 === c) last[1] = c;
    else all.push([c, c]);
  }
  return all.map(([first, last]) => `${first.toString(16)}-${last.toString(16)}`).join(" ");
}

/** @param {number[][]} ranges @param {number} c */
const within = (ranges, c) => ranges.some(([first, last]) => first <= c && c <= last);

/** @param {Set<number>} a @param {Set<number>} b */
const common = (a, b) => new Set([...a].filter((c) => b.has(c)));

/**
 * @param {(path: string) => Buffer} vendor reads a file of an npm package
 * @param {(path: string, content: Buffer | string) => void} write
 * @param {string} folder crates/pdf/fonts
 */
export async function faces(vendor, write, folder) {
  const sources = [...MAIN, ...SERIF].map(({ file }) => file).concat(SYMBOLS.map((s) => `${GOOGLE}/${s}_400Regular.ttf`), HANGUL);
  const read = new Map(sources.map((file) => [file, vendor(file)]));
  const get = (/** @type {string} */ file) => /** @type {Buffer} */ (read.get(file));
  for (const { file, to } of MAIN) write(join(folder, to), get(file));
  for (const name of ["noto-serif-sc", "noto-serif", "noto-serif-kr", "noto-sans-math", "noto-sans-symbols", "noto-sans-symbols-2"]) {
    write(join(folder, "licences", `${name}.txt`), vendor(`${GOOGLE}/${name}/LICENSE_FONT`));
  }

  const own = readFileSync(fileURLToPath(import.meta.url));
  const edition = sha256(Buffer.from([sha256(own), ...[...read.values()].map(sha256)].join()));
  const index = join(folder, "fallback.txt");
  const made = [join(folder, "fallback.bin"), join(folder, "licences", "hanazono.txt")].every((path) => existsSync(path));
  if (made && existsSync(index) && readFileSync(index, "utf8").startsWith(`edition ${edition}\n`)) return;

  const { Blob, Face } = await import("harfbuzzjs");
  const module = await WebAssembly.compile(readFileSync(require.resolve("harfbuzzjs/dist/harfbuzz-subset.wasm")));
  /** @param {Buffer} bytes @returns {Set<number>} what a face holds and a paper may show */
  const held = (bytes) => new Set([...new Face(new Blob(bytes)).collectUnicodes()].filter((c) => !NEVER.test(String.fromCodePoint(c))));
  const { faces: han, licence } = hanazono();
  write(join(folder, "licences", "hanazono.txt"), licence);

  const lines = [`edition ${edition}`];
  /** @type {Buffer[]} */
  const packed = [];
  let at = 0;
  const taken = common(held(get(MAIN[0].file)), held(get(MAIN[1].file)));
  lines.push(`main ${runs(taken)}`);
  /** @param {string} family @param {number} weight @param {Buffer} bytes @param {Iterable<number>} characters */
  const add = (family, weight, bytes, characters) => {
    const small = deflateRawSync(bytes, { level: 9 });
    lines.push(`face ${family.replaceAll(" ", "_")} ${weight} ${at} ${small.length} ${bytes.length} ${runs(characters)}`);
    packed.push(small);
    at += small.length;
  };
  // Letters with their accents: this face overlaps the main one, so that a letter and its accent come from one face.
  const letters = common(held(get(SERIF[0].file)), held(get(SERIF[1].file)));
  for (const { weight, file } of SERIF) add("Noto Serif", weight, get(file), letters);
  for (const c of letters) taken.add(c);

  /** @param {string} family @param {Buffer} bytes @param {[number, number][]} ranges */
  const cut = async (family, bytes, ranges) => {
    const piece = await cutter(module, bytes);
    /** @type {Map<number, number[]>} */
    const groups = new Map();
    for (const c of held(bytes)) {
      if (taken.has(c) || !within(ranges, c) || NO_SIGN.test(String.fromCodePoint(c))) continue;
      taken.add(c);
      const group = groups.get(c >> PIECE_BITS);
      if (group) group.push(c);
      else groups.set(c >> PIECE_BITS, [c]);
    }
    for (const key of [...groups.keys()].sort((a, b) => a - b)) {
      const characters = /** @type {number[]} */ (groups.get(key));
      add(family, 400, piece(characters), characters);
    }
  };
  await cut("Noto Sans Math", get(`${GOOGLE}/${SYMBOLS[0]}_400Regular.ttf`), RANGES.symbols);
  await cut("Noto Sans Symbols", get(`${GOOGLE}/${SYMBOLS[1]}_400Regular.ttf`), RANGES.symbols);
  await cut("Noto Sans Symbols 2", get(`${GOOGLE}/${SYMBOLS[2]}_400Regular.ttf`), RANGES.symbols);
  await cut("Noto Serif KR", get(HANGUL), RANGES.hangul);
  await cut("HanaMinB", han["HanaMinB.ttf"], RANGES.han);
  await cut("HanaMinA", han["HanaMinA.ttf"], RANGES.han);

  write(join(folder, "fallback.bin"), Buffer.concat(packed));
  write(index, `${lines.join("\n")}\n`);
}
