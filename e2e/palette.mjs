// Makes a picture of a page small enough for the repository: an indexed PNG of at most 256 colours.
import { deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** The pixels of a PNG as browsers write them: eight bits, RGB or RGBA, not interlaced. @param {Buffer} png */
export function decode(png) {
  if (!png.subarray(0, 8).equals(SIGNATURE)) throw new Error("this is no PNG");
  let width = 0, height = 0, channels = 0;
  const packed = [];
  for (let at = 8; at < png.length; ) {
    const size = png.readUInt32BE(at);
    const kind = png.toString("latin1", at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + size);
    if (kind === "IHDR") {
      width = data.readUInt32BE(0);
      height = data.readUInt32BE(4);
      channels = { 2: 3, 6: 4 }[data[9] ?? -1] ?? 0;
      if (data[8] !== 8 || channels === 0 || data[12] !== 0) throw new Error("this kind of PNG is not expected");
    } else if (kind === "IDAT") packed.push(data);
    at += size + 12;
  }
  const raw = inflateSync(Buffer.concat(packed));
  const stride = width * channels;
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const left = x >= channels ? pixels[y * stride + x - channels] ?? 0 : 0;
      const up = y > 0 ? pixels[(y - 1) * stride + x] ?? 0 : 0;
      const corner = x >= channels && y > 0 ? pixels[(y - 1) * stride + x - channels] ?? 0 : 0;
      const value = raw[y * (stride + 1) + 1 + x] ?? 0;
      pixels[y * stride + x] = value + predicted(filter ?? 0, left, up, corner);
    }
  }
  return { width, height, channels, pixels };
}

/** @param {number} filter @param {number} left @param {number} up @param {number} corner */
function predicted(filter, left, up, corner) {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const p = left + up - corner;
  const [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/**
 * The same picture with at most this many colours, every other one replaced by the nearest of them.
 * @param {Buffer} png @param {number} [most]
 */
export function shrink(png, most = 256) {
  const { width, height, channels, pixels } = decode(png);
  /** @param {number} at */
  const colour = (at) => ((pixels[at] ?? 0) << 16) | ((pixels[at + 1] ?? 0) << 8) | (pixels[at + 2] ?? 0);
  /** @type {Map<number, number>} */ const counts = new Map();
  for (let at = 0; at < pixels.length; at += channels) counts.set(colour(at), (counts.get(colour(at)) ?? 0) + 1);
  const palette = choose([...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([c]) => c), most);
  /** @type {Map<number, number>} */ const index = new Map(palette.map((c, n) => [c, n]));
  /** @param {number} wanted */
  const nearest = (wanted) => {
    let best = 0, distance = Infinity;
    for (const [n, c] of palette.entries()) {
      const d = distanceOf(c, wanted);
      if (d < distance) [best, distance] = [n, d];
    }
    index.set(wanted, best);
    return best;
  };
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const c = colour((y * width + x) * channels);
      rows[y * (width + 1) + 1 + x] = index.get(c) ?? nearest(c);
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const colours = Buffer.from(palette.flatMap((c) => [c >> 16, (c >> 8) & 255, c & 255]));
  return Buffer.concat([SIGNATURE, chunk("IHDR", head), chunk("PLTE", colours), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

/** How unlike two colours are. @param {number} a @param {number} b */
function distanceOf(a, b) {
  return ((a >> 16) - (b >> 16)) ** 2 + (((a >> 8) & 255) - ((b >> 8) & 255)) ** 2 + ((a & 255) - (b & 255)) ** 2;
}

/**
 * The commonest colours that are unlike each other, so that a small red star is not lost among shades of blue.
 * @param {number[]} colours the commonest first @param {number} most
 */
function choose(colours, most) {
  for (let unlike = 48; ; unlike *= 1.5) {
    /** @type {number[]} */ const chosen = [];
    for (const c of colours) if (chosen.every((other) => distanceOf(c, other) > unlike)) chosen.push(c);
    if (chosen.length <= most) return chosen;
  }
}

/** @param {string} kind @param {Buffer} data */
function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc(body), body.length + 4);
  return out;
}

/** @param {Buffer} bytes */
function crc(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  }
  return (c ^ 0xffffffff) >>> 0;
}
