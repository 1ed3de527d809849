// What every journey uses: `journey("…", async ({ open, login, check, … }) => { … })`.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { DEMO_PASSWORD, ROOT, startServer } from "./server.mjs";
import { readLetters, waitForLetter } from "./mail.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").BrowserContext} BrowserContext */
/** @typedef {import("./mail.mjs").Letter} Letter */

/** The one policy of every page (E22). */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Widths at which pages are looked at: a desk and a phone. */
export const DESK = 1440;
export const PHONE = 390;
const screen = (/** @type {number} */ width) => ({ width, height: width === PHONE ? 844 : 900 });

export { DEMO_PASSWORD };

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** @type {Promise<import("playwright-core").Browser> | undefined} */
let browser;
/** @type {Promise<import("./server.mjs").Server> | undefined} */
let ownServer;

function theBrowser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) throw new Error("Chromium is missing: run scripts/install-test-deps.sh first");
  browser ??= chromium.launch({
    executablePath,
    headless: true,
    args: [
      "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--force-prefers-reduced-motion", "--font-render-hinting=none",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ],
  });
  return browser;
}

/** The program that e2e/run.mjs started; a journey run alone starts its own on SQLite. */
async function theServer() {
  const { MIANBAN_JOURNEY_URL: url, MIANBAN_JOURNEY_MAIL: mail, MIANBAN_JOURNEY_CLOCK: clock } = process.env;
  if (url && mail && clock) return { url, mail, clock };
  ownServer ??= startServer(process.env.MIANBAN_TEST_POSTGRES && process.env.MIANBAN_JOURNEY_DATABASE === "postgres" ? "postgres" : "sqlite");
  return ownServer;
}

after(async () => {
  await (await browser)?.close();
  await (await ownServer)?.stop();
});

/** Where pictures go. */
export function outputFolder() {
  const folder = join(ROOT, "e2e", "output", process.env.MIANBAN_JOURNEY_DATABASE ?? "sqlite");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * Collects everything that must not happen on a page: console errors, script errors, breaches of the
 * policy, requests to another host, missing assets and answers 5xx.
 * @param {BrowserContext} context @param {string} origin @param {string[]} problems
 */
async function watch(context, origin, problems) {
  await context.exposeBinding("__breach", (_, text) => { problems.push(`policy breach: ${text}`); });
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) => {
      // @ts-expect-error the binding above
      window.__breach(`${e.violatedDirective} refused ${e.blockedURI} at ${e.sourceFile ?? ""}:${e.lineNumber} ${e.sample}`);
    });
  });
  context.on("weberror", (error) => problems.push(`script error: ${error.error().stack ?? error.error().message}`));
  context.on("console", (message) => {
    // The browser reports every answer 4xx as an error; answers are judged below.
    if (message.type() === "error" && !/^Failed to load resource: the server responded/.test(message.text())) {
      problems.push(`console: ${message.text()} (${message.location().url})`);
    }
  });
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (/^https?:$/.test(url.protocol) && url.origin !== origin) problems.push(`request to another host: ${url.href}`);
    if (url.protocol === "data:") problems.push(`data: address: ${url.href.slice(0, 60)}`);
  });
  context.on("response", (response) => {
    const path = new URL(response.url()).pathname;
    if (response.status() >= 500) problems.push(`${response.status()} at ${response.request().method()} ${path}`);
    if (response.status() >= 400 && path.startsWith("/static/")) problems.push(`${response.status()} at ${path}`);
  });
}

/** No rule of WCAG 2.2 A and AA, nor a best practice, is broken. @param {Page} page */
export async function axe(page) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async (tags) => {
    // What the bar at the bottom happens to cover is scrolled into sight; measured is the size of the target itself.
    const bars = [...document.querySelectorAll(".actionbar")].filter((bar) => bar instanceof HTMLElement);
    for (const bar of bars) bar.style.position = "static";
    // @ts-expect-error defined by the script above
    const result = await window.axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] });
    for (const bar of bars) bar.style.position = "";
    return result.violations.map((/** @type {any} */ v) => ({ id: v.id, help: v.help, nodes: v.nodes.map((/** @type {any} */ n) => `${n.target.join(" ")}  ${n.html.slice(0, 160)}`) }));
  }, AXE_TAGS);
  const report = violations.map((/** @type {any} */ v) => `${v.id}: ${v.help}\n    ${v.nodes.join("\n    ")}`).join("\n  ");
  assert.ok(violations.length === 0, `axe at ${page.url()} (${page.viewportSize()?.width} px):\n  ${report}`);
}

/** The page itself never scrolls sideways; wide tables scroll inside their frame. @param {Page} page */
export async function fits(page) {
  const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= width, `${page.url()} is ${content} px wide on a screen of ${width} px`);
}

/** A picture of the whole page in e2e/output/. @param {Page} page @param {string} name */
export async function shot(page, name) {
  const width = page.viewportSize()?.width === PHONE ? "-m" : "";
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: join(outputFolder(), `${name}${width}.png`), fullPage: true, animations: "disabled" });
}

/**
 * Picture, width and axe at once. What is wrong is noted and fails the journey at its end, so that one run tells all.
 * @param {Page} page @param {string} name @param {string[]} faults
 */
async function check(page, name, faults) {
  await shot(page, name);
  for (const looked of [fits, axe]) await looked(page).catch((/** @type {Error} */ e) => { faults.push(`${name}: ${e.message}`); });
}

/**
 * @typedef {object} Tools
 * @property {string} url address of the program, without a slash at the end
 * @property {(path?: string, options?: { width?: number, javaScript?: boolean }) => Promise<Page>} open
 *   a page in its own browser context (its own cookies); `path` is opened when given
 * @property {(page: Page, kind: string, user: string, password?: string) => Promise<void>} login
 *   signs in through the login card: kind is 企业, 检验检疫局 or 认监委
 * @property {(page: Page, path: string) => Promise<import("playwright-core").Response>} go opens a path of the program
 * @property {typeof axe} axe
 * @property {typeof fits} fits
 * @property {typeof shot} shot
 * @property {(page: Page, name: string) => Promise<void>} check picture, width and axe; faults fail the journey at its end
 * @property {(page: Page, name: string) => Promise<void>} both the same at both widths, on the page as it stands
 * @property {() => Letter[]} letters all mail so far, the oldest first
 * @property {(fits: (letter: Letter) => boolean, patience?: number) => Promise<Letter>} letter waits for a letter
 * @property {(moment: string) => void} setClock sets the demonstration clock, e.g. "2026-12-04T09:00:00+08:00"
 * @property {() => void} resetClock gives the time of the machine again
 * @property {(name: string, bytes: Buffer | number) => string} file a file to upload, of these bytes or of this size
 * @property {(pattern: RegExp) => void} expectProblem one kind of problem that this journey causes on purpose
 */

/**
 * One journey: a test with a browser, failing on any console error, policy breach or request elsewhere.
 * @param {string} name @param {(tools: Tools) => Promise<void>} story
 * @param {{ url?: string, timeout?: number }} [options] another server than the program (for the policy check)
 */
export function journey(name, story, options = {}) {
  test(name, { timeout: options.timeout ?? 180_000 }, async () => {
    const server = options.url ? { url: options.url, mail: "", clock: "" } : await theServer();
    /** @type {string[]} */ const problems = [];
    /** @type {RegExp[]} */ const expected = [];
    /** @type {string[]} */ const faults = [];
    /** @type {BrowserContext[]} */ const contexts = [];
    const folder = mkdtempSync(join(tmpdir(), "mianban-files-"));

    /** @param {Page} page @param {string} path */
    const go = async (page, path) => {
      const answer = await page.goto(new URL(path, server.url).href);
      assert.ok(answer, `no answer at ${path}`);
      return answer;
    };
    /** @type {Tools} */
    const tools = {
      url: server.url,
      axe, fits, shot, go,
      check: (page, name) => check(page, name, faults),
      async both(page, name) {
        for (const width of [PHONE, DESK]) {
          await page.setViewportSize(screen(width));
          await check(page, name, faults);
        }
      },
      async open(path, { width = DESK, javaScript = true } = {}) {
        const context = await (await theBrowser()).newContext({
          viewport: screen(width),
          locale: "zh-CN",
          timezoneId: "America/New_York", // the pages show China time whatever the computer says
          reducedMotion: "reduce",
          javaScriptEnabled: javaScript,
          acceptDownloads: true,
        });
        contexts.push(context);
        context.setDefaultTimeout(15_000);
        await watch(context, new URL(server.url).origin, problems);
        const page = await context.newPage();
        if (path) await go(page, path);
        return page;
      },
      async login(page, kind, user, password = DEMO_PASSWORD) {
        await go(page, "/login");
        await page.getByRole("radio", { name: kind }).check({ force: true });
        await page.getByLabel("用户名", { exact: true }).fill(user);
        await page.getByLabel("密码", { exact: true }).fill(password);
        await page.getByRole("button", { name: "登录" }).click();
        await page.waitForURL("**/main");
      },
      letters: () => readLetters(server.mail),
      letter: (matches, patience) => waitForLetter(server.mail, matches, patience),
      setClock: (moment) => writeFileSync(server.clock, moment),
      resetClock: () => rmSync(server.clock, { force: true }),
      file(fileName, bytes) {
        const path = join(folder, fileName);
        writeFileSync(path, typeof bytes === "number" ? Buffer.alloc(bytes, 0x20) : bytes);
        return path;
      },
      expectProblem: (pattern) => { expected.push(pattern); },
    };

    try {
      await story(tools);
    } catch (error) {
      for (const [i, page] of contexts.flatMap((context) => context.pages()).entries()) {
        await shot(page, `failed-${name.replace(/[^\p{L}\p{N}]+/gu, "-")}-${i}`).catch(() => {});
      }
      const more = [...problems, ...faults];
      if (more.length && error instanceof Error) error.message += `\nThere was also:\n  ${more.join("\n  ")}`;
      throw error;
    } finally {
      for (const context of contexts) await context.close();
      rmSync(folder, { recursive: true, force: true });
    }
    const unexpected = [...problems.filter((problem) => !expected.some((pattern) => pattern.test(problem))), ...faults];
    assert.ok(unexpected.length === 0, `there were problems:\n  ${unexpected.join("\n  ")}`);
  });
}

/** Journeys that leave the clock alone, two at a time. @param {string} title @param {() => void} journeys */
export const together = (title, journeys) => describe(title, { concurrency: 2 }, journeys);
