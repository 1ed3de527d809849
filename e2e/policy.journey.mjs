// The stylesheets and scripts under the strict policy, without the program: htmx, Bootstrap's images, tom-select and
// the behaviour of assets/app.js. Fails on the first breach.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before } from "node:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { journey, DESK, PHONE, POLICY } from "./harness.mjs";
import { ROOT } from "./server.mjs";

const PORT = 20_000 + (process.pid % 20_000);
const URL_HERE = `http://127.0.0.1:${PORT}`;
const TYPES = { css: "text/css", js: "text/javascript", svg: "image/svg+xml", txt: "text/plain" };
const options = Array.from({ length: 40 }, (_, i) => `<option value="${i}">国家 ${i}</option>`).join("");

const PAGE = `<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>安全策略检查</title><meta name="csrf" content="token-1">
<meta name="htmx-config" content='{"includeIndicatorCSS":false,"history":"reload"}'>
<link rel="icon" href="/static/img/favicon.svg">
<link rel="stylesheet" href="/static/bootstrap.min.css"><link rel="stylesheet" href="/static/tom-select.min.css"><link rel="stylesheet" href="/static/app.css">
<script src="/static/htmx.min.js" defer></script><script src="/static/tom-select.min.js" defer></script><script src="/static/app.js" defer></script></head>
<body><main class="content" id="main"><h1>安全策略检查</h1>
<p><time data-clock="当前时间 " datetime="2026-11-23T02:42:00Z">当前时间 2026-11-23 星期一 10:42</time></p>
<form class="card" data-guard action="/save" method="post"><div class="card-body form-grid">
<div><label class="form-label" for="region">省</label><select class="form-select" id="region" name="region" hx-get="/part" hx-target="#city" hx-trigger="change"><option value="">请选择</option><option value="31">上海</option></select></div>
<div><label class="form-label" for="city">市</label><select class="form-select" id="city" name="city"><option value="">请选择</option></select></div>
<div><label class="form-label" for="country">国家/地区</label><select class="form-select" id="country" name="country" data-search="输入名称查找">${options}</select></div>
<div><label class="form-label" for="why">理由</label><textarea class="form-control is-invalid" id="why" name="why" data-max="100"></textarea><div class="form-text" id="why-count"></div></div>
<div><label class="form-label" for="qty">数量</label><input class="form-control" id="qty" name="qty" inputmode="decimal" data-q="bar">
<svg class="qbar" id="bar" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label="总数 120 台，已核销 60，待确认 20" data-total="120" data-done="60" data-pend="20"><rect class="q-done" width="50" height="12"/><rect class="q-pend" x="50" width="16.67" height="12"/><rect class="q-this" width="0" height="12"/></svg><div class="form-text" id="bar-left"></div></div>
<div><label class="choice"><input class="form-check-input" type="radio" name="c" checked><span><strong>一般贸易</strong></span></label>
<label><input class="form-check-input" type="checkbox" checked> 我同意</label></div>
</div><div class="actionbar"><button class="btn btn-primary" data-confirm="删除后不能恢复。" data-confirm-title="删除产品"><svg class="ic" aria-hidden="true" focusable="false"><use href="/static/icons.svg#trash"></use></svg>删除</button></div></form>
<div class="drop"><input class="visually-hidden" type="file" id="u" multiple data-kind="contract" data-count="n" aria-label="合同文件"><label class="btn btn-plain" for="u">浏览</label><span id="n" aria-live="polite">未选择文件</span>
<button class="btn btn-plain" type="button" data-upload="/files" data-input="u" data-list="l">上传附件</button></div>
<ul class="files" id="l" aria-label="合同：已上传名称"><li data-empty class="muted">还没有上传附件</li></ul><p><span class="tag t-amber" id="state">待上传</span></p>
<svg class="tbar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true"><rect width="38" height="12"/></svg>
<progress class="pbar" max="6" value="3" aria-label="第 3 步，共 6 步"></progress>
<div class="no-js"><button class="btn btn-plain" type="button">刷新</button></div></main>
<div class="toasts" role="status" aria-live="polite" id="toasts"></div>
<dialog id="session-warning" aria-labelledby="sw-h" data-warn="WARN" data-end="1800"><div class="dlg-h"><h2 id="sw-h">登录即将超时</h2></div><div class="dlg-b"><p class="mb-0" data-left role="status"></p></div><div class="dlg-f"><button class="btn btn-primary" type="button" data-continue autofocus>继续</button></div></dialog>
</body></html>`;

/** @type {string[]} */
const tokens = [];
const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", URL_HERE);
  const answer = (/** @type {number} */ status, /** @type {string} */ type, /** @type {string | Buffer} */ body) => {
    response.writeHead(status, { "Content-Security-Policy": POLICY, "Content-Type": `${type}; charset=utf-8` });
    response.end(body);
  };
  request.resume().on("end", () => {
    if (url.pathname.startsWith("/static/")) {
      const kind = /** @type {keyof typeof TYPES} */ (url.pathname.split(".").at(-1) ?? "txt");
      return answer(200, TYPES[kind], readFileSync(join(ROOT, "assets", "dist", url.pathname.slice("/static/".length))));
    }
    tokens.push(`${request.method} ${url.pathname} ${request.headers["x-csrf-token"] ?? "-"}`);
    if (url.pathname === "/part") return answer(200, "text/html", '<option value="310115">浦东新区</option>');
    if (url.pathname === "/files") return answer(200, "text/html", '<li id="row-1"><span class="nm">合同.pdf</span></li><span class="tag t-green" id="state">已上传 1</span>');
    if (url.pathname === "/session") {
      // The program reads forms only as forms.
      const isForm = /^application\/x-www-form-urlencoded/.test(request.headers["content-type"] ?? "");
      return answer(isForm ? 204 : 400, "text/plain", "");
    }
    return answer(200, "text/html", PAGE.replace("WARN", url.searchParams.get("warn") ?? "1500"));
  });
});
before(() => new Promise((resolve) => server.listen(PORT, "127.0.0.1", () => resolve(undefined))));
after(() => { server.close(); server.closeAllConnections(); });

const here = { url: URL_HERE };

journey("样式、图标、级联、长下拉框、数量条在严格策略下可用", async ({ open, check }) => {
  for (const width of [DESK, PHONE]) {
    const page = await open("/", { width });
    await page.getByText("当前时间 2026-11-23 星期一 10:42").waitFor();
    assert.ok(await page.locator(".no-js").isHidden());

    await page.getByLabel("省").selectOption("31");
    await page.locator("#city option[value='310115']").waitFor({ state: "attached" });
    assert.ok(tokens.includes("GET /part token-1"), "htmx sends the token");

    await page.locator(".ts-control").click();
    await page.keyboard.type("国家 17");
    await page.getByRole("option", { name: "国家 17" }).click();
    assert.equal(await page.locator("#country").inputValue(), "17");

    await page.getByLabel("理由").fill("一二三");
    await page.getByText("还可输入 97 字").waitFor();
    await page.getByLabel("数量").fill("４０.5");
    await page.getByText("超出可预核销数量 40").waitFor();
    await page.getByLabel("数量").fill("10.00001");
    await page.getByText("提交后可预核销 29.99999").waitFor();
    assert.equal(await page.locator(".q-this").getAttribute("width"), "8.33");
    const icon = await page.locator("svg.ic use").boundingBox();
    assert.ok(icon && icon.width > 8, "the icon sprite is drawn");
    await check(page, "policy");
  }
}, here);

journey("确认对话框、上传、登录超时提醒", async ({ open, axe, file }) => {
  const page = await open("/");
  await page.getByRole("button", { name: "删除" }).click();
  const dialog = page.getByRole("dialog", { name: "删除产品" });
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "返回");
  await axe(page);
  await dialog.getByRole("button", { name: "返回" }).click();
  assert.ok(!tokens.some((line) => line.startsWith("POST /save")), "nothing is sent before it is confirmed");
  await page.getByRole("button", { name: "删除" }).click();
  await Promise.all([page.waitForURL("**/save"), dialog.getByRole("button", { name: "删除" }).click()]);

  await page.goto(`${URL_HERE}/`);
  await page.locator("#u").setInputFiles([file("合同.pdf", 2000), file("扫描.tif", 6_000_000)]);
  await page.getByRole("button", { name: "上传附件" }).click();
  await page.getByText("已上传 1").waitFor();
  await page.getByText("文件过大：5.7 MB，超过 5M 的限制。请压缩后重新选择。").waitFor();
  assert.equal(await page.locator("#l li").count(), 2);
  assert.ok(tokens.includes("POST /files token-1"), "uploads carry the token");

  await page.goto(`${URL_HERE}/?warn=1`);
  const warning = page.getByRole("dialog", { name: "登录即将超时" });
  await warning.getByText("约 30 分钟后将自动退出").waitFor();
  await axe(page);
  await warning.getByRole("button", { name: "继续" }).click();
  await warning.waitFor({ state: "hidden" });
  assert.ok(tokens.includes("POST /session token-1"), "继续 extends the session");
}, here);

journey("没有脚本时页面完整", async ({ open, shot }) => {
  const page = await open("/", { javaScript: false });
  assert.ok(await page.getByRole("button", { name: "刷新" }).isVisible());
  await shot(page, "policy-no-script");
}, here);
