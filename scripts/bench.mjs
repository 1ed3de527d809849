// Measures the release build on this machine: throughput and answer times of pages, and the memory of the program.
//   node scripts/bench.mjs [path…]      MIANBAN_BENCH_COOKIE="name=value" measures pages behind the login
// Bounded: 2,000 requests at 16 connections for each path, on loopback only.
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { performance } from "node:perf_hooks";
import { startServer } from "../e2e/server.mjs";

const REQUESTS = 2_000;
const CONNECTIONS = 16;
const paths = process.argv.length > 2 ? process.argv.slice(2) : ["/readyz", "/", "/login"];
const server = await startServer(process.env.MIANBAN_TEST_POSTGRES ? "postgres" : "sqlite");
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

/** @param {string} path @returns {Promise<{ milliseconds: number, status: number, bytes: number }>} */
function ask(path) {
  const headers = { "Accept-Encoding": "gzip", ...(process.env.MIANBAN_BENCH_COOKIE ? { Cookie: process.env.MIANBAN_BENCH_COOKIE } : {}) };
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, server.url), { agent, headers }, (answer) => {
      let bytes = 0;
      answer.on("data", (chunk) => { bytes += chunk.length; });
      answer.on("end", () => resolve({ milliseconds: performance.now() - start, status: answer.statusCode ?? 0, bytes }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

/** Peak memory of the program in MB, where the system tells it. */
function peakMemory() {
  try {
    const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1];
    return `${Math.round(Number(kilobytes) / 1024)} MB`;
  } catch {
    return "unknown";
  }
}

try {
  console.log(`database: ${server.database}; ${REQUESTS} requests at ${CONNECTIONS} connections for each path`);
  console.log("path                                     status   req/s    p50 ms   p95 ms   p99 ms   bytes");
  for (const path of paths) {
    for (let i = 0; i < 50; i += 1) await ask(path);
    /** @type {number[]} */ const times = [];
    let left = REQUESTS, status = 0, bytes = 0;
    const start = performance.now();
    await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
      while (left-- > 0) {
        const answer = await ask(path);
        times.push(answer.milliseconds);
        ({ status, bytes } = answer);
      }
    }));
    const seconds = (performance.now() - start) / 1000;
    times.sort((a, b) => a - b);
    const at = (/** @type {number} */ share) => times[Math.floor((times.length - 1) * share)].toFixed(1).padStart(8);
    console.log(`${path.padEnd(40)} ${String(status).padStart(6)} ${(times.length / seconds).toFixed(0).padStart(7)}  ${at(0.5)} ${at(0.95)} ${at(0.99)} ${String(bytes).padStart(8)}`);
  }
  console.log(`peak memory of the program: ${peakMemory()}`);
} finally {
  agent.destroy();
  await server.stop();
}
