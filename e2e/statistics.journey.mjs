// 统计: CNCA looks at the country's numbers, goes from a number to its list and takes both away; a bureau sees its own.
import assert from "node:assert/strict";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

together("统计", () => {
  journey("认监委查看统计，由数字到清单，导出；局只看本局", async (tools) => {
    const page = await tools.open();
    const main = page.getByRole("main");
    await tools.login(page, "认监委", "demo_cnca");
    await s.menu(page, "统计");
    await s.at(page, "统计");
    await tools.both(page, "33-statistics");
    // What waits is counted as of now, and leads to the list that has as many rows.
    const figure = main.getByRole("link", { name: /（合计，在办）/ });
    const n = Number((await figure.first().innerText()).replace(/[^0-9]/g, ""));
    assert.ok(n > 0, "the demonstration has cases under way");
    await figure.first().click();
    await page.getByRole("heading", { level: 1, name: "在办的申请" }).waitFor();
    assert.equal(await main.locator("tbody tr").count(), Math.min(n, 50));
    await tools.both(page, "33-statistics-list");
    const arriving = page.waitForEvent("download");
    await main.getByRole("link", { name: "导出 XLSX" }).click();
    assert.match((await arriving).suggestedFilename(), /^统计清单_在办的申请_\d{8}\.xlsx$/);
    await main.getByRole("link", { name: "导出文件" }).click();
    await s.at(page, "导出文件");
    await main.getByText("没有导出文件").waitFor();
    await tools.both(page, "33-exports-empty");

    // A list that is too long for somebody to wait for.
    const address = "/exports/new?report=statistic_cases&query=of%3Dwaiting";
    await page.goto(new URL(address, page.url()).href);
    await tools.both(page, "33-exports-new");
    await s.press(page, "开始生成");
    await main.getByText(/正在生成|已生成/).first().waitFor();
    // The page looks again by itself.
    await main.getByText("已生成").waitFor({ timeout: 20_000 });
    await tools.both(page, "33-exports");
    const made = page.waitForEvent("download");
    await main.getByRole("link", { name: /^下载 统计清单/ }).click();
    assert.match((await made).suggestedFilename(), /\.xlsx$/);

    const bureau = await tools.open();
    await tools.login(bureau, "检验检疫局", "demo_bureau");
    await s.menu(bureau, "统计");
    assert.equal(await bureau.getByLabel("检验检疫局", { exact: true }).count(), 0, "a bureau chooses no other");
    await tools.both(bureau, "33-statistics-bureau");
  });
});
