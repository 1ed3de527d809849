// 忘记密码 through a real SMTP server on loopback, in place of the folder of letters.
import assert from "node:assert/strict";
import { after } from "node:test";
import { SMTPServer } from "smtp-server";
import { journey } from "./harness.mjs";
import { parseLetter } from "./mail.mjs";
import { startServer } from "./server.mjs";
import * as s from "./steps.mjs";

/** @type {{ from: string, to: string[], source: string }[]} */
const received = [];
/** How many letters the post refuses before it takes one. */
let refusals = 1;

const post = new SMTPServer({
  authOptional: true,
  disabledCommands: ["STARTTLS"],
  onData(stream, session, done) {
    /** @type {Buffer[]} */ const parts = [];
    stream.on("data", (part) => parts.push(part));
    stream.on("end", () => {
      if (refusals-- > 0) return done(Object.assign(new Error("try again later"), { responseCode: 451 }));
      const { mailFrom, rcptTo } = session.envelope;
      received.push({ from: mailFrom ? mailFrom.address : "", to: rcptTo.map((r) => r.address), source: Buffer.concat(parts).toString("latin1") });
      done();
    });
  },
});
const port = await new Promise((resolve) => {
  const listening = post.listen(0, "127.0.0.1", () => resolve(/** @type {import("node:net").AddressInfo} */ (listening.address()).port));
});
const database = process.env.MIANBAN_JOURNEY_DATABASE === "postgres" ? "postgres" : "sqlite";
const server = await startServer(database, ["--smtp-url", `smtp://127.0.0.1:${port}`]);
after(async () => {
  await server.stop();
  await new Promise((resolve) => post.close(() => resolve(undefined)));
});

// R-1.4-01, R-1.4-02, D18
journey("忘记密码：新密码经 SMTP 寄到邮箱，邮局暂时拒收时自动重寄", async ({ open, both }) => {
  const company = s.newCompany();
  await s.register(await open("/"), company);
  const page = await open("/");
  await page.getByRole("main").getByRole("link", { name: "忘记密码" }).click();
  await s.fill(page.getByRole("main"), { "用户名": company.user, "邮箱地址": company.mail });
  await s.press(page, "提交");
  await page.getByRole("status").filter({ hasText: "已提交。" }).waitFor();

  const until = Date.now() + 150_000;
  /** @type {import("./mail.mjs").Letter | undefined} */ let letter;
  while (!letter && Date.now() < until) {
    const found = received.find((r) => r.to.includes(company.mail) && parseLetter(r.source).subject.includes("新密码"));
    if (found) letter = parseLetter(found.source);
    else await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.ok(letter, "no letter has arrived");
  assert.ok(refusals < 0, "the first attempt was refused");
  const mailed = /^ {4}(\S{12,})\s*$/m.exec(letter.text)?.[1] ?? "";
  assert.ok(mailed, letter.text);
  await page.goto(new URL("/login", page.url()).href);
  await s.fill(page.getByRole("main"), { "用户名": company.user, "密码": mailed });
  await s.press(page, "登录");
  await s.at(page, "修改密码");
  const own = "shili-2026-xin";
  await s.fill(page.getByRole("main"), { "新密码": own, "确认新密码": own });
  await s.press(page, "保存");
  await page.getByRole("status").filter({ hasText: "密码已修改" }).waitFor();
  await both(page, "02d-forgot-password-smtp");
}, { url: server.url, timeout: 300_000 });
