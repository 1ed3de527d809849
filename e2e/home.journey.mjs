import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { journey, DESK, PHONE, POLICY } from "./harness.mjs";
import * as s from "./steps.mjs";

journey("公共首页打开，带登录框，没有障碍", async ({ open, check }) => {
  for (const width of [DESK, PHONE]) {
    const page = await open("/", { width });
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    assert.ok(await page.getByLabel("密码", { exact: true }).isVisible(), "the login card is on the front page");
    await check(page, "01-home");
  }
});

// R-1-03, R-1.5-01: a click opens a save dialog; the file is the manual.
journey("下载使用文档：不用登录，保存 PDF", async ({ open }) => {
  const page = await open("/");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "下载使用文档" }).click()]);
  assert.equal(download.suggestedFilename(), "CCC免办电子审批系统企业用户手册.pdf");
  const path = await download.path();
  const bytes = readFileSync(path);
  assert.equal(bytes.toString("latin1", 0, 5), "%PDF-");
  assert.ok(bytes.length > 200_000, `${bytes.length} bytes`);
});

for (const javaScript of [true, false]) {
  journey(`办前自查：从产品到材料清单，${javaScript ? "有" : "没有"}脚本`, async ({ open, both, check }) => {
    const page = await open("/", { javaScript });
    const look = javaScript ? both : async () => {};
    await page.getByRole("navigation", { name: "网站导航" }).getByRole("link", { name: "办前自查" }).click();
    await s.press(page, "查询");
    await page.getByRole("alert").filter({ hasText: "请填写 HS 编码或产品名称" }).waitFor();
    await look(page, "01-pre-check-empty");
    await page.getByLabel("产品名称").fill("空调器");
    await s.press(page, "查询");
    await page.getByRole("radio", { name: /^8415811000/ }).check();
    await look(page, "01-pre-check-products");
    await s.press(page, "下一步");
    await s.press(page, "下一步");
    await page.getByRole("alert").filter({ hasText: "都不是时选择" }).waitFor();
    await look(page, "01-pre-check-art-41");
    await page.getByRole("radio", { name: "以上都不是" }).check();
    await s.press(page, "下一步");
    await page.getByRole("radio", { name: /^产品（含展览品）暂时进口/ }).check();
    await look(page, "01-pre-check-clause");
    await s.press(page, "下一步");
    await page.getByLabel("产品最终使用地（省级）").selectOption({ label: "浙江省" });
    await s.press(page, "查看结果");
    await page.getByLabel("产品最终使用地（市级）").selectOption({ label: "宁波市" });
    await look(page, "01-pre-check-place");
    await s.press(page, "查看结果");
    await page.getByText("宁波出入境检验检疫局").waitFor();
    await page.getByText("退运保函").waitFor();
    await look(page, "01-pre-check-result");
    await page.getByRole("link", { name: "重新回答：用途" }).click();
    await page.getByRole("radio", { name: "以上都不是" }).check();
    await s.press(page, "下一步");
    await page.getByRole("heading", { name: "没有适用的免办条款" }).waitFor();
    if (javaScript) await check(page, "01-pre-check-stop");
  });
}

journey("每一页都带严格的安全策略，静态文件可永久缓存", async ({ open, go }) => {
  const page = await open();
  const answer = await go(page, "/");
  assert.equal(answer.headers()["content-security-policy"], POLICY);
  const address = await page.locator('link[rel="stylesheet"]').last().getAttribute("href");
  assert.match(address ?? "", /^\/static\/[0-9a-f]{16}\//);
  const stylesheet = await page.request.get(new URL(address ?? "", page.url()).href);
  assert.match(stylesheet.headers()["cache-control"], /immutable/);
  assert.match(stylesheet.headers()["content-encoding"] ?? "", /br|gzip/);
});
