import assert from "node:assert/strict";
import { journey, DESK, PHONE, POLICY } from "./harness.mjs";

journey("公共首页打开，带登录框，没有障碍", async ({ open, check }) => {
  for (const width of [DESK, PHONE]) {
    const page = await open("/", { width });
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    assert.ok(await page.getByLabel("密码", { exact: true }).isVisible(), "the login card is on the front page");
    await check(page, "01-home");
  }
});

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
