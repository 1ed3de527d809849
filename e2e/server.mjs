// Starts the program once, with demonstration data, on a free loopback port, and stops it again.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Password of all demonstration accounts. */
export const DEMO_PASSWORD = "mianban-demo-2026";

/** @typedef {"sqlite" | "postgres"} Database */
/** @typedef {{ url: string, mail: string, clock: string, folder: string, log: string, database: Database, pid: number, stop: () => Promise<void> }} Server */

/** The debug program of this checkout, or the one that MIANBAN_PROGRAM names. */
export function program() {
  if (process.env.MIANBAN_PROGRAM) return process.env.MIANBAN_PROGRAM;
  const candidates = [process.env.CARGO_TARGET_DIR, join(ROOT, "target"), join(homedir(), ".cache", "mianban", "target")];
  const found = candidates.map((folder) => folder && join(folder, "debug", "mianban")).find((path) => path && existsSync(path));
  if (!found) throw new Error("the program is missing: run `cargo build -p mianban` first");
  return found;
}

/** @returns {Promise<number>} a loopback port that was free a moment ago */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

/** A new, empty database on the server of MIANBAN_TEST_POSTGRES. @returns {string} its address */
function newPostgresDatabase() {
  const server = process.env.MIANBAN_TEST_POSTGRES;
  if (!server) throw new Error("MIANBAN_TEST_POSTGRES is not set: run through scripts/with-postgres.sh");
  const name = `journeys_${process.pid}_${Date.now()}`;
  const made = spawnSync("psql", [server, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", `CREATE DATABASE ${name}`], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`cannot create a database: ${made.error?.message ?? made.stderr}`);
  const address = new URL(server);
  address.pathname = `/${name}`;
  return address.href;
}

/** @param {Database} database @param {string} folder */
function databaseUrl(database, folder) {
  return database === "postgres" ? newPostgresDatabase() : `sqlite:${join(folder, "mianban.sqlite")}`;
}

/**
 * Starts the program and waits until it is ready. Journeys know it only by its pages, its mail folder and its clock file.
 * @param {Database} database @param {string[]} [more] further options
 * @returns {Promise<Server>}
 */
export async function startServer(database, more = []) {
  const folder = mkdtempSync(join(tmpdir(), "mianban-journeys-"));
  const mail = join(folder, "mail");
  const clock = join(folder, "clock");
  const output = join(ROOT, "e2e", "output", database);
  mkdirSync(mail);
  mkdirSync(output, { recursive: true });
  const log = join(output, more.length ? "server-of-its-own.log" : "server.log");
  const url = `http://127.0.0.1:${await freePort()}`;
  const options = [
    "serve", "--demo",
    "--listen", new URL(url).host,
    "--public-url", url,
    "--data-dir", join(folder, "data"),
    "--database-url", databaseUrl(database, folder),
    "--mail-dir", mail,
    ...more,
  ];
  const file = openSync(log, "w");
  const child = spawn(program(), options, { cwd: folder, stdio: ["ignore", file, file], env: { ...process.env, MIANBAN_DEMO_CLOCK: clock } });
  const exited = new Promise((resolve) => { child.once("exit", resolve); child.once("error", resolve); });
  let ended = false;
  exited.then(() => { ended = true; });

  const kill = () => { if (!ended && child.pid) child.kill("SIGKILL"); };
  process.once("exit", kill);
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    const late = setTimeout(kill, 10_000);
    await exited;
    clearTimeout(late);
    process.removeListener("exit", kill);
    rmSync(folder, { recursive: true, force: true });
  };

  const deadline = Date.now() + 120_000;
  for (;;) {
    if (ended) break;
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => null);
    if (answer?.ok) return { url, mail, clock, folder, log, database, pid: child.pid ?? 0, stop };
    if (Date.now() > deadline) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stop();
  const lines = readFileSync(log, "utf8").trimEnd().split("\n").slice(-30).join("\n");
  throw new Error(`the program did not get ready on ${database}; the end of ${log}:\n${lines}`);
}
