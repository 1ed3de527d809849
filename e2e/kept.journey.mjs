// What is typed is not lost: kept while somebody types and offered again, and held on the page while there is no network.
import assert from "node:assert/strict";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

/** @typedef {import("playwright-core").Page} Page */

const MORE = { "合同号": "HT-2026-留存", "备注": "“引号”与 <尖括号>，100% & 其他", "用途及免办理由": "第一行：用于能效对比测试。\n第二行：测试完成后退运。" };
const PRODUCT = { ...s.PRODUCT, ...s.AIR_CONDITIONER, "序列号/零件号": "SN-001\nSN-002" };

/** Everything that stands in the form that is being filled in. @param {Page} page @returns {Promise<Record<string, string>>} */
const typed = (page) => page.locator("form[data-autosave]").evaluate((form) => {
  const untyped = ["csrf", "seen", "creation_key", "warned"];
  const pairs = [...new FormData(/** @type {HTMLFormElement} */ (form))].filter(([name]) => !untyped.includes(name));
  return Object.fromEntries(pairs.map(([name, value]) => [name, String(value).replaceAll("\r\n", "\n")]));
});

/** The tab is closed without 保存, and the same address opened in another. @param {Page} page */
async function reopened(page) {
  const [context, address] = [page.context(), page.url()];
  await page.close();
  const next = await context.newPage();
  await next.goto(address);
  return next;
}

/**
 * 已自动保存, another tab, 恢复: what was typed stands there again.
 * @param {import("./harness.mjs").Tools} tools @param {Page} before @param {string} name
 */
async function restored(tools, before, name) {
  const written = await typed(before);
  await before.getByRole("status").filter({ hasText: /^已自动保存 \d\d:\d\d:\d\d$/ }).waitFor();
  await tools.both(before, `${name}-kept`);
  const page = await reopened(before);
  const offer = page.getByRole("region", { name: "没有保存的内容" });
  await offer.getByText("系统已自动留存").waitFor();
  assert.notDeepEqual(await typed(page), written, "what is stored stands in the form until 恢复 is chosen");
  await tools.both(page, `${name}-offer`);
  await offer.getByRole("link", { name: "恢复" }).click();
  await offer.getByText("下方表单已恢复").waitFor();
  assert.deepEqual(await typed(page), written);
  await tools.both(page, `${name}-restored`);
  return page;
}

/** The basic information, typed and not saved. @param {Page} page @param {s.Values} values */
async function typeBasics(page, values) {
  await s.cascade(page, "产品最终使用地行政区划", ["上海市", "市辖区", "浦东新区"]);
  await s.fill(page.getByRole("main"), values);
}

/** The form of a new product. @param {Page} page */
async function openProduct(page) {
  await page.getByRole("main").getByRole("link", { name: "添加", exact: true }).first().click();
  await s.at(page, "选择免办产品");
  await s.field(page, "编码").fill("8415101000");
  await s.press(page, "查询");
  await s.at(page, "免办产品信息");
}

together("填写的内容不会丢失", () => {
  // E21
  journey("自动保存：关闭标签页，重新打开后恢复，保存后不再提示", async (tools) => {
    const company = s.newCompany();
    let page = await tools.open("/");
    await s.register(page, company);
    await s.openDraft(page);
    const basics = page.url();
    await typeBasics(page, { ...s.BASICS, ...MORE });
    page = await restored(tools, page, "05-basic-info");
    await s.press(page, "保存");
    await page.getByRole("status").filter({ hasText: "已保存申请基本信息" }).waitFor();
    page = await reopened(page);
    await s.at(page, "申请基本信息");
    assert.equal(await page.getByRole("link", { name: "恢复" }).count(), 0);
    assert.equal(await s.field(page, "备注").inputValue(), MORE["备注"]);

    await page.goto(basics.replace("/basics", "/items"));
    await openProduct(page);
    await s.fill(page.getByRole("main"), PRODUCT);
    page = await restored(tools, page, "07b-product");
    await s.press(page, "保存并关闭");
    await page.getByText("已保存产品“窗式空调器样机”").waitFor();
    await openProduct(page);
    assert.equal(await page.getByRole("link", { name: "恢复" }).count(), 0);

    // 返回 gives up what was typed.
    await page.goto(basics);
    await s.field(page, "备注").fill("不保存的备注");
    await page.getByRole("status").filter({ hasText: "已自动保存" }).waitFor();
    page.once("dialog", (question) => question.accept());
    await page.getByRole("main").getByRole("link", { name: "返回申请列表" }).click();
    await s.at(page, "申请列表");
    await page.goto(basics);
    await s.at(page, "申请基本信息");
    assert.equal(await page.getByRole("link", { name: "恢复" }).count(), 0);
  });

  // E21
  journey("断网：提交时内容留在页面，恢复连接后保存", async (tools) => {
    tools.expectProblem(/ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|Failed to load resource/);
    const company = s.newCompany();
    const page = await tools.open("/");
    await s.register(page, company);
    await s.openDraft(page);
    const main = page.getByRole("main");
    const sentence = page.getByRole("alert").filter({ hasText: "没有连上服务器，没有保存。填写的内容都在本页，没有丢失" });
    await typeBasics(page, { ...s.BASICS, ...MORE });
    let written = await typed(page);
    const address = page.url();

    // The computer has lost its network.
    await page.context().setOffline(true);
    await s.press(page, "保存");
    await sentence.waitFor();
    assert.equal(page.url(), address);
    assert.deepEqual(await typed(page), written);
    await tools.both(page, "05-basic-info-offline");
    // Pressed again while it is still cut: said once, lost nothing.
    await s.press(page, "重试");
    await sentence.waitFor();
    assert.equal(await sentence.count(), 1);
    await page.getByRole("status").filter({ hasText: "没有连上服务器，没有自动保存" }).waitFor();
    assert.deepEqual(await typed(page), written);
    await page.context().setOffline(false);
    await s.press(page, "重试");
    await page.getByRole("status").filter({ hasText: "已保存申请基本信息" }).waitFor();
    assert.equal(await s.field(page, "备注").inputValue(), MORE["备注"]);

    // The server does not answer, though the network is there.
    await main.getByRole("link", { name: "查看申请产品信息" }).click();
    await openProduct(page);
    await s.fill(main, PRODUCT);
    written = await typed(page);
    await page.route("**/*", (route) => route.abort("connectionrefused"));
    await s.press(page, "保存并关闭");
    await sentence.waitFor();
    assert.deepEqual(await typed(page), written);
    await tools.both(page, "07b-product-offline");
    await page.unroute("**/*");
    await s.press(page, "重试");
    await page.getByText("已保存产品“窗式空调器样机”").waitFor();
    await page.getByText("共 1 项").first().waitFor();
  });
});
