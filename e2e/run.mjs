// Runs every journey on each database: the program is started once per database.
//   node e2e/run.mjs [sqlite|postgres] [words of file names…]
import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT, startServer } from "./server.mjs";

const words = process.argv.slice(2);
const named = words.filter((word) => word === "sqlite" || word === "postgres");
const filters = words.filter((word) => word !== "sqlite" && word !== "postgres");

const databases = named.length ? named : ["sqlite", ...(process.env.MIANBAN_TEST_POSTGRES ? ["postgres"] : [])];
if (!databases.includes("postgres")) console.log("journeys: only on SQLite (scripts/with-postgres.sh gives PostgreSQL too)");

const folder = join(ROOT, "e2e");
const journeys = readdirSync(folder)
  .filter((name) => name.endsWith(".journey.mjs"))
  .filter((name) => filters.length === 0 || filters.some((word) => name.includes(word)))
  .sort()
  .map((name) => join(folder, name));
if (journeys.length === 0) {
  console.error("journeys: no file fits");
  process.exit(1);
}

/** @param {import("./server.mjs").Server} server @returns {Promise<number>} */
function runAgainst(server) {
  const env = {
    ...process.env,
    MIANBAN_JOURNEY_DATABASE: server.database,
    MIANBAN_JOURNEY_URL: server.url,
    MIANBAN_JOURNEY_MAIL: server.mail,
    MIANBAN_JOURNEY_CLOCK: server.clock,
  };
  const child = spawn(process.execPath, ["--test", "--test-reporter=spec", "--test-concurrency=1", ...journeys], { stdio: "inherit", env });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.once(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

let failed = false;
/** Pictures of older failures mislead. @param {string} database */
function forget(database) {
  const output = join(folder, "output", database);
  if (existsSync(output)) for (const name of readdirSync(output)) if (name.startsWith("failed-")) rmSync(join(output, name));
}

for (const database of /** @type {import("./server.mjs").Database[]} */ (databases)) {
  console.log(`journeys on ${database}`);
  forget(database);
  const server = await startServer(database);
  try {
    if ((await runAgainst(server)) !== 0) {
      failed = true;
      console.error(`journeys on ${database} failed; the program's log: ${server.log}`);
    }
  } finally {
    await server.stop();
  }
}
process.exitCode = failed ? 1 : 0;
