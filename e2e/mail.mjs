// Reads the letters that the program wrote as .eml files.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** @typedef {{ name: string, type: string, bytes: Buffer }} Enclosure */
/** @typedef {{ to: string, from: string, subject: string, text: string, html: string, enclosures: Enclosure[] }} Letter */

/** `=?utf-8?b?…?=` and `=?utf-8?q?…?=` of RFC 2047. @param {string} header */
function decodeWords(header) {
  return header
    .replace(/(=\?[^?]+\?[bq]\?[^?]*\?=)\s+(?==\?)/gi, "$1")
    .replace(/=\?([^?]+)\?([bq])\?([^?]*)\?=/gi, (_, charset, kind, text) => {
      const bytes = kind.toLowerCase() === "b" ? Buffer.from(text, "base64") : quotedPrintable(text.replace(/_/g, " "));
      return new TextDecoder(charset).decode(bytes);
    });
}

/** @param {string} text */
function quotedPrintable(text) {
  const plain = text.replace(/=\r?\n/g, "").replace(/=([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(plain, "latin1");
}

/** @param {string} source */
function splitEntity(source) {
  const end = /\r?\n\r?\n/.exec(source);
  const head = end ? source.slice(0, end.index) : source;
  const body = end ? source.slice(end.index + end[0].length) : "";
  /** @type {Record<string, string>} */
  const headers = {};
  for (const line of head.replace(/\r?\n[ \t]+/g, " ").split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { headers, body };
}

/** @param {string} header @param {string} name */
function parameter(header, name) {
  const extended = new RegExp(`${name}\\*(?:0\\*)?=([^;\\s]+)`, "i").exec(header);
  if (extended) return decodeURIComponent(extended[1].replace(/^"|"$/g, "").replace(/^[^']*'[^']*'/, ""));
  const plain = new RegExp(`${name}="?([^";]+)"?`, "i").exec(header);
  return plain ? decodeWords(plain[1]) : "";
}

/** @param {string} source one part, read as latin1 @param {Letter} letter */
function addPart(source, letter) {
  const { headers, body } = splitEntity(source);
  const type = headers["content-type"] ?? "text/plain";
  const boundary = parameter(type, "boundary");
  if (/^multipart\//i.test(type) && boundary) {
    for (const part of body.split(`--${boundary}`).slice(1, -1)) addPart(part.replace(/^\r?\n/, ""), letter);
    return;
  }
  const encoding = (headers["content-transfer-encoding"] ?? "").toLowerCase();
  const bytes = encoding === "base64" ? Buffer.from(body, "base64") : encoding === "quoted-printable" ? quotedPrintable(body) : Buffer.from(body, "latin1");
  const disposition = headers["content-disposition"] ?? "";
  if (/^attachment/i.test(disposition)) {
    letter.enclosures.push({ name: parameter(disposition, "filename") || parameter(type, "name"), type: type.split(";")[0], bytes });
  } else if (/^text\/html/i.test(type)) letter.html += bytes.toString("utf8");
  else letter.text += bytes.toString("utf8");
}

/** @param {string} source @returns {Letter} */
export function parseLetter(source) {
  const { headers } = splitEntity(source);
  const letter = { to: decodeWords(headers.to ?? ""), from: decodeWords(headers.from ?? ""), subject: decodeWords(headers.subject ?? ""), text: "", html: "", enclosures: [] };
  addPart(source, letter);
  return letter;
}

/** All letters of a folder, the oldest first. @param {string} folder @returns {Letter[]} */
export function readLetters(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".eml"))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
    .map((path) => parseLetter(readFileSync(path, "latin1")));
}

/**
 * Waits for a letter that fits.
 * @param {string} folder @param {(letter: Letter) => boolean} fits @param {number} [patience] milliseconds
 */
export async function waitForLetter(folder, fits, patience = 20_000) {
  const deadline = Date.now() + patience;
  for (;;) {
    const found = readLetters(folder).filter(fits).at(-1);
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`no such letter within ${patience} ms; there are: ${readLetters(folder).map((l) => l.subject).join("，") || "none"}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
