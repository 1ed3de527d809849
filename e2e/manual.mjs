// Takes the pictures of the user's manual from the demonstration: node e2e/manual.mjs, or `make manual`.
// Each is an indexed PNG of at most 80 kB under docs/manual/pictures; the chapters beside it show them.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { shows } from "./authenticator.mjs";
import { shrink } from "./palette.mjs";
import { DEMO_PASSWORD, ROOT, startServer } from "./server.mjs";
import * as s from "./steps.mjs";

/** @typedef {import("playwright-core").Page} Page */

const FOLDER = join(ROOT, "docs", "manual", "pictures");
const LARGEST = 80_000;
const WIDTH = 1024;

mkdirSync(FOLDER, { recursive: true });
for (const name of readdirSync(FOLDER)) rmSync(join(FOLDER, name));

const server = await startServer("sqlite");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--font-render-hinting=none", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
});

/** @returns {Promise<Page>} a page with its own cookies */
async function fresh() {
  const context = await browser.newContext({ viewport: { width: WIDTH, height: 700 }, locale: "zh-CN", timezoneId: "Asia/Shanghai", reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.goto(server.url);
  return page;
}

/**
 * The page as it stands, from its top, at most this high.
 * @param {Page} page @param {string} name @param {number} [height] @param {number} [width] wider where a table needs it
 */
async function take(page, name, height = 700, width = WIDTH) {
  await page.setViewportSize({ width, height: 700 });
  const whole = await page.evaluate(() => Math.ceil(document.documentElement.getBoundingClientRect().height));
  await page.setViewportSize({ width, height: Math.min(height, Math.max(whole, 320)) });
  await page.evaluate(() => { window.scrollTo(0, 0); document.activeElement instanceof HTMLElement && document.activeElement.blur(); });
  const png = await page.screenshot({ animations: "disabled", caret: "hide" });
  await page.setViewportSize({ width: WIDTH, height: 700 });
  let small = shrink(png);
  for (let colours = 128; small.length > LARGEST && colours >= 16; colours /= 2) small = shrink(png, colours);
  if (small.length > LARGEST) throw new Error(`${name} has ${small.length} bytes: show less of the page`);
  writeFileSync(join(FOLDER, `${name}.png`), small);
  console.log(`${name}.png ${small.length} bytes`);
}

/** @param {Page} page @param {string} path */
const go = (page, path) => page.goto(new URL(path, server.url).href);

/** @param {string} user @param {string} [kind] */
async function demo(user, kind = "企业") {
  const page = await fresh();
  await go(page, "/login");
  await page.getByRole("radio", { name: kind }).check({ force: true });
  await page.getByLabel("用户名", { exact: true }).fill(user);
  await page.getByLabel("密码", { exact: true }).fill(DEMO_PASSWORD);
  await page.getByRole("button", { name: "登录" }).click();
  await page.waitForURL("**/main");
  return page;
}

/** The id of the demonstration's first application in a state. @param {Page} page @param {string} state */
async function first(page, state) {
  await go(page, `/applications?state=${state}`);
  const href = await page.locator("tbody .row-acts a").first().getAttribute("href");
  const id = href?.split("/")[2];
  if (!id) throw new Error(`the demonstration has no application in ${state}`);
  return id;
}

try {
  const visitor = await fresh();
  await take(visitor, "home", 760);
  await go(visitor, "/password-reset");
  await take(visitor, "password-reset", 420);
  await go(visitor, "/pre-check?hs=8415101000&exempt=none");
  await take(visitor, "pre-check", 760);

  // A new company: registration, then an application of its own.
  const company = s.newCompany();
  const page = await fresh();
  await s.register(page, company, async (name) => {
    if (name === "02b-register-orgcode") await take(page, "organisation", 460);
    if (name === "02c-register-form") await take(page, "registration", 900);
  });
  await s.openDraft(page, async (name) => { if (name === "04b-clause-trade") await take(page, "clause", 860); });
  await s.fillBasics(page, {}, async (name) => { if (name === "05-basic-info") await take(page, "basics", 1000); });
  await page.getByRole("main").getByRole("link", { name: "添加", exact: true }).first().click();
  await s.at(page, "选择免办产品");
  await s.field(page, "名称").fill("空调器");
  await s.press(page, "查询");
  await page.getByText("查到").first().waitFor();
  await take(page, "catalogue", 760);
  await s.field(page, "编码").fill("8415101000");
  await s.field(page, "名称").fill("");
  await s.press(page, "查询");
  await s.at(page, "免办产品信息");
  await s.fill(page.getByRole("main"), { ...s.PRODUCT, ...s.AIR_CONDITIONER });
  await take(page, "item", 1000);
  await s.press(page, "保存并关闭");
  await s.at(page, "附表产品信息");
  await take(page, "items", 760);
  const items = page.url();
  await page.getByRole("link", { name: "复制第 1 项" }).click();
  await s.at(page, "免办产品信息");
  await s.fill(page.getByRole("main"), { "需免办产品名称": "分体式空调器样机", "规格型号": "KFR-35" });
  await s.press(page, "保存并关闭");
  await s.at(page, "附表产品信息");

  // Products from a file, with mistakes in the first row.
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "导出 CSV" }).click()]);
  const table = readFileSync(await download.path(), "utf8").replace("演示品牌", "").replace(/,12,/, ",十二,");
  await page.goto(items.replace("/items", "/import?hs_code=8415101000"));
  await s.at(page, "导入产品");
  await take(page, "import", 640);
  await page.getByLabel("产品文件").setInputFiles({ name: "产品.csv", mimeType: "text/csv", buffer: Buffer.from(table) });
  await s.press(page, "上传并导入");
  await page.getByRole("alert").filter({ hasText: "处需要修改" }).waitFor();
  await take(page, "import-faults", 620);

  await page.goto(items);
  await page.getByRole("link", { name: "存为产品模板" }).click();
  await s.at(page, "存为产品模板");
  await s.fill(page.getByRole("main"), { "模板名称": "窗式空调器（测试用）" });
  await s.press(page, "保存");
  await page.goto(items.replace("/items", "/catalogue"));
  await page.getByRole("link", { name: "使用产品模板" }).click();
  await s.at(page, "产品模板");
  await take(page, "templates", 560);

  // Typed, not saved, opened again.
  page.on("dialog", (question) => question.accept());
  await page.goto(items.replace("/items", "/items/new?hs_code=8415101000"));
  await s.fill(page.getByRole("main"), { "需免办产品名称": "移动式空调器样机", "规格型号": "KY-20" });
  await page.getByRole("status").filter({ hasText: "已自动保存" }).waitFor();
  await page.goto(items);
  await page.goto(items.replace("/items", "/items/new?hs_code=8415101000"));
  await page.getByRole("link", { name: "恢复" }).waitFor();
  await take(page, "kept", 620);
  await s.press(page, "放弃");
  await s.at(page, "免办产品信息");

  // Two windows on one page.
  const other = await page.context().newPage();
  const basics = items.replace("/items", "/basics");
  await Promise.all([page.goto(basics), other.goto(basics)]);
  await s.fill(other.getByRole("main"), { "使用单位联系人": "李示例", "备注": "样机两台" });
  await s.press(other, "保存");
  await other.getByRole("status").filter({ hasText: "已保存申请基本信息" }).waitFor();
  await other.close();
  await s.fill(page.getByRole("main"), { "使用单位联系人": "王示例" });
  await s.press(page, "保存");
  await page.getByText("本次没有保存").first().waitFor();
  await take(page, "conflict", 620);
  await page.goto(items);
  await page.getByRole("link", { name: "查看申请附件信息" }).click();
  await s.at(page, "申请附件信息");
  const file = { name: "营业执照.pdf", mimeType: "application/pdf", buffer: s.PDF };
  for (const kind of s.REQUIRED_KINDS) {
    const card = s.cardOf(page, kind);
    await card.getByLabel(`浏览${kind}文件`).setInputFiles({ ...file, name: `${kind.split("/")[0]}.pdf` });
    await card.getByRole("button", { name: "上传附件" }).click();
    await card.getByText("上传结束，可继续选择文件").waitFor();
  }
  await page.reload();
  await take(page, "attachments", 900);
  const number = await s.submit(page);
  await take(page, "receipt", 640);

  // The bureau names a field of one product.
  const officer = await demo("demo_accept", "检验检疫局");
  await s.openCase(officer, "受理", number);
  await officer.getByText("指定附表产品信息中的项目").click();
  await officer.getByRole("textbox", { name: "规格型号的产品序号" }).fill("1");
  await s.decide(officer, "送补正", { "意见": "第 1 项产品的规格型号与铭牌不一致，请核对。" });
  await page.goto(items);
  await s.at(page, "附表产品信息");
  await take(page, "correction-items", 800);
  await go(page, "/profile/letters");
  await page.getByRole("cell", { name: /已发送/ }).nth(1).waitFor();
  await take(page, "letters", 760);
  await go(page, "/profile/second-factor");
  await s.fill(page.getByRole("main"), { "密码": s.PASSWORD });
  await s.press(page, "开始设置");
  await page.getByRole("img", { name: "两步验证的二维码" }).waitFor();
  await take(page, "second-factor", 620);
  const secret = await page.locator(".enrol strong").innerText();
  await s.fill(page.getByRole("main"), { "验证码": shows(secret, 0) });
  await s.press(page, "启用");
  await s.at(page, "恢复码");
  await take(page, "recovery-codes", 560);

  // The demonstration's own company: every state.
  const demonstration = await demo("demo_enterprise");
  await take(demonstration, "main", 760);
  await go(demonstration, "/applications");
  await take(demonstration, "list", 900, 1440);
  const ids = { returned: await first(demonstration, "returned"), paper: await first(demonstration, "comparing_paper"), issued: await first(demonstration, "issued"), accepting: await first(demonstration, "accepting") };
  await go(demonstration, `/applications/${ids.returned}/basics`);
  await take(demonstration, "correction", 640);
  await go(demonstration, `/applications/${ids.paper}/outcome`);
  await take(demonstration, "notice", 620);
  await go(demonstration, `/applications/${ids.accepting}`);
  await take(demonstration, "view", 860);
  await go(demonstration, `/applications/${ids.issued}/copy`);
  await take(demonstration, "copy", 440);
  await go(demonstration, `/applications/${ids.issued}/certificate`);
  await demonstration.locator("iframe").evaluateAll((frames) => frames.forEach((frame) => frame.closest("section")?.remove()));
  await take(demonstration, "certificate", 620);

  // 修改证明: the company called about one of its certificates that nothing was written off, and the bureau released it.
  const amender = await demo("demo_amend", "检验检疫局");
  await go(demonstration, "/certificates?standing=valid");
  const candidates = await demonstration.locator("tbody a.code[href^='/certificates/']").evaluateAll((links) => links.map((link) => ({ number: link.textContent ?? "", path: link.getAttribute("href") ?? "" })));
  let path = "";
  for (const candidate of candidates) {
    await go(amender, `/amendments/opening?number=${candidate.number.trim()}`);
    if (await amender.getByRole("button", { name: "同意修改" }).count()) {
      path = candidate.path;
      break;
    }
  }
  if (!path) throw new Error("the demonstration has no certificate to amend");
  await s.fill(amender.getByRole("main"), { "来电人": "张示例", "电话记录": "型号按最终发票更正，境外交货延期。" });
  await s.press(amender, "同意修改");
  await amender.getByText("已返回企业修改").first().waitFor();
  await go(demonstration, `${path.split("?")[0]}/amendment`);
  const amendment = new URL(demonstration.url()).pathname;
  await go(demonstration, `${amendment}/items/1`);
  await s.fill(demonstration.getByRole("main"), { "规格/型号": "T2 型" });
  await take(demonstration, "amendment-item", 760);
  await s.press(demonstration, "保存");
  await demonstration.getByText("已改 1 项").first().waitFor();
  await go(demonstration, amendment);
  await s.fill(demonstration.getByRole("main"), { "修改原因": "型号按最终发票更正。" });
  await s.press(demonstration, "保存");
  await demonstration.getByText("已保存证明基本信息的修改").first().waitFor();
  await take(demonstration, "amendment", 860);
  await go(demonstration, "/profile/particulars");
  await take(demonstration, "particulars", 900);
  await go(demonstration, "/profile/colleagues");
  await take(demonstration, "colleagues", 560);
} finally {
  await browser.close();
  await server.stop();
}
