// 综合查询: an officer and CNCA look for applications, certificates, products and companies.
import assert from "node:assert/strict";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

together("综合查询", () => {
  journey("一个查询框查申请、证明、产品、单位；导出；认监委查全国", async (tools) => {
    const page = await tools.open();
    const main = page.getByRole("main");
    await tools.login(page, "检验检疫局", "demo_accept");
    await s.menu(page, "综合查询");
    await s.at(page, "综合查询");
    await page.getByText("请先输入查询条件").waitFor();
    await tools.both(page, "32-search-empty");
    await s.field(page, "查询内容").fill("示例电器");
    await s.press(page, "查询");
    await main.getByRole("link", { name: /^申请（/ }).waitFor();
    await tools.both(page, "32-search-applications");
    for (const [tab, name] of [["证明", "certificates"], ["单位", "companies"]]) {
      await main.getByRole("link", { name: new RegExp(`^${tab}（`) }).click();
      await page.getByRole("heading", { level: 2, name: tab, exact: true }).waitFor();
      await tools.both(page, `32-search-${name}`);
    }
    await s.field(page, "查询内容").fill("8415");
    await s.press(page, "查询");
    await main.getByRole("link", { name: /^产品（/ }).click();
    await page.getByRole("heading", { level: 2, name: "产品", exact: true }).waitFor();
    await tools.both(page, "32-search-products");
    const arriving = page.waitForEvent("download");
    await main.getByRole("link", { name: "导出 CSV" }).click();
    assert.match((await arriving).suggestedFilename(), /^综合查询_产品_\d{8}\.csv$/);
    await s.field(page, "提交日期（起）").fill("2026-01-02");
    await s.field(page, "提交日期（止）").fill("2026-01-01");
    await s.press(page, "查询");
    await page.getByRole("alert").getByText("不能早于").waitFor();
    await tools.both(page, "32-search-errors");

    const cnca = await tools.open();
    await tools.login(cnca, "认监委", "demo_cnca");
    await s.menu(cnca, "综合查询");
    await s.field(cnca, "查询内容").fill("没有这样的内容");
    await s.press(cnca, "查询");
    await cnca.getByText("没有符合条件的申请").waitFor();
    await tools.both(cnca, "32-search-nothing");
  });
});
