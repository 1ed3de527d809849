// Quantities: a company declares what arrives, the port confirms or sends back, any bureau writes off, all read the ledger.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** The two amounts of the first product. @param {Page} page @param {string} word @param {string} qty @param {string} hs */
async function amounts(page, word, qty, hs) {
  await page.getByRole("textbox", { name: new RegExp(`第 1 项 .*本次${word}数量（数量/重量）`) }).fill(qty);
  await page.getByRole("textbox", { name: new RegExp(`第 1 项 .*本次${word}数量（HS 标准量）`) }).fill(hs);
}

together("预核销和核销", () => {
  journey("预核销：填写、核对、提交、撤回；口岸确认和退回；直接核销、冲销、台账", async ({ open, login, both, file }) => {
    const page = await open();
    await login(page, "企业", "demo_enterprise");
    await s.menu(page, "查看申请列表");
    await page.getByRole("link", { name: /^预核销 MB/ }).first().click();
    await s.at(page, "预核销");
    await both(page, "14a-pre-write-off");
    const address = page.url();

    // Too much, no port: said beside the fields, with what was typed.
    await amounts(page, "预核销", "99", "99");
    await s.press(page, "提交");
    await page.getByRole("alert").filter({ hasText: "超出可预核销数量" }).waitFor();
    await both(page, "14a-pre-write-off-wrong");
    await amounts(page, "预核销", "2", "1");
    await s.cascade(page, "选择进出口口岸", ["上海海关（2200）", "吴淞海关（2202）"]);
    await s.press(page, "提交");
    await page.getByText("确认无误可再次点击“提交”").waitFor();
    await both(page, "14a-pre-write-off-doubt");
    await amounts(page, "预核销", "1", "1");
    await s.press(page, "提交");
    await page.getByText("等待上海出入境检验检疫局核销人员确认").waitFor();
    await both(page, "14b-pre-write-off-records");

    // The product's details, and back; then it is taken back.
    await page.getByRole("main").getByRole("table").getByRole("link").first().click();
    await page.getByRole("heading", { name: "产品特性" }).waitFor();
    await both(page, "14b-product");
    await page.getByRole("main").getByRole("link", { name: "返回", exact: true }).click();
    await s.at(page, "预核销记录");
    await page.getByRole("checkbox", { name: /^选择第 1 项/ }).first().check();
    await s.press(page, /^撤回/);
    await page.getByRole("dialog").getByRole("button", { name: "撤回" }).click();
    await page.getByText("已撤回 1 项预核销").waitFor();

    // Once more, for the port.
    await page.goto(address);
    await amounts(page, "预核销", "1", "1");
    await s.cascade(page, "选择进出口口岸", ["上海海关（2200）", "吴淞海关（2202）"]);
    await s.press(page, "提交");
    await s.at(page, "预核销记录");

    const officer = await open();
    await login(officer, "检验检疫局", "demo_writeoff");
    await s.menu(officer, "预核销确认");
    await both(officer, "18-worklist");
    await officer.getByRole("link", { name: /^办理 / }).last().click();
    await s.at(officer, "办理预核销");
    await both(officer, "18-decision");
    await s.press(officer, "退回预核销");
    await officer.getByRole("alert").filter({ hasText: "请填写退回原因" }).waitFor();
    await officer.getByLabel("说明或退回原因").fill("货物不在本口岸。");
    await both(officer, "18-decision-wrong");
    await s.press(officer, "退回预核销");
    await officer.getByText("已退回 1 个产品的预核销").waitFor();

    // Any certificate of the country: found, written off, taken back.
    await s.menu(officer, "证明查询");
    await officer.getByLabel("申请单位", { exact: true }).fill("示例电器");
    await s.press(officer, "查询");
    await both(officer, "18-search");
    const certificate = new URL(address).pathname.split("/")[2];

    // Its QR code as a photograph; a picture of something else says so.
    const paper = await page.request.get(`${new URL(address).origin}/certificates/${certificate}/document`);
    const path = file("证明.pdf", await paper.body());
    const drawn = spawnSync("pdftoppm", ["-r", "150", "-png", "-f", "1", "-l", "1", "-singlefile", path, path]);
    assert.equal(drawn.status, 0, "pdftoppm is missing: run scripts/install-test-deps.sh first");
    await officer.locator("input[type=file]").setInputFiles(file("说明.pdf", s.PDF));
    await s.press(officer, "识别二维码");
    await officer.getByRole("alert").getByText("上传的文件不是照片").first().waitFor();
    await both(officer, "18-search-photo-wrong");
    await officer.locator("input[type=file]").setInputFiles(`${path}.png`);
    await s.press(officer, "识别二维码");
    await officer.getByRole("status").filter({ hasText: "按二维码查询证明" }).waitFor();
    await both(officer, "18-search-photo");
    const number = await officer.getByLabel("证明号或二维码").inputValue();
    assert.match(number, /^\d{17}$/);

    // Lines from a file: checked, confirmed, kept.
    await s.menu(officer, "批量核销");
    await both(officer, "18-batches-none");
    await officer.getByRole("link", { name: "导入核销" }).click();
    await s.at(officer, "导入核销");
    await both(officer, "18-import");
    const lines = `证明号,产品序号,数量/重量,HS 标准量,口岸代码,说明\n${number},1,0.5,0.5,2202,随船到货\n${number},99,1,1,2202,\n`;
    await officer.locator("input[type=file]").setInputFiles(file("核销.csv", Buffer.from(lines)));
    await s.press(officer, "上传并检查");
    await officer.getByRole("status").filter({ hasText: "1 行可以核销，1 行不能核销" }).waitFor();
    await both(officer, "18-import-preview");
    await officer.getByRole("button", { name: /^确认核销/ }).click();
    await officer.getByText("已核销 1 行，1 行没有核销").waitFor();
    await both(officer, "18-batch");
    await s.menu(officer, "批量核销");
    await officer.getByRole("link", { name: /^查看结果/ }).first().waitFor();
    await both(officer, "18-batches");
    await officer.goto(`${new URL(address).origin}/write-off/search?number=${number}`);
    await officer.getByRole("main").locator(`a[href="/certificates/${certificate}/draw-down"]`).click();
    await s.at(officer, "直接核销");
    await amounts(officer, "核销", "1", "1");
    await s.cascade(officer, "选择进出口口岸", ["上海海关（2200）", "吴淞海关（2202）"]);
    await both(officer, "18-draw-down");
    await s.press(officer, "核销");
    await s.at(officer, "核销信息");
    await both(officer, "18-write-offs");
    await officer.getByRole("link", { name: "查看台账" }).click();
    await s.at(officer, "核销台账");
    await officer.getByRole("link", { name: /^冲销 / }).last().click();
    await officer.getByRole("textbox", { name: "冲销原因" }).fill("重复核销。");
    await both(officer, "18-reversal");
    await s.press(officer, "冲销");
    await officer.getByText("已冲销，数量已恢复").waitFor();
    await both(officer, "18-ledger");

    // The company reads it all.
    await page.goto(`${new URL(address).origin}/certificates/${certificate}/ledger`);
    await s.at(page, "核销台账");
    await page.getByText("重复核销。").waitFor();
    assert.equal(await page.getByRole("link", { name: /^冲销 / }).count(), 0);
    await both(page, "14c-ledger");
    await page.goto(`${new URL(address).origin}/certificates/${certificate}/pre-write-offs`);
    await page.getByText("货物不在本口岸。").waitFor();
  });
});
