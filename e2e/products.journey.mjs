// Products from a file: export, mistakes by row and column, the right rows alone, everything.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { strFromU8, strToU8, unzipSync, zipSync } from "fflate";
import { journey } from "./harness.mjs";
import * as s from "./steps.mjs";

/** The same workbook with other words in its cells. @param {Buffer} workbook @param {[string, string][]} changes */
function rewritten(workbook, changes) {
  const files = unzipSync(workbook);
  const name = "xl/sharedStrings.xml";
  let texts = strFromU8(files[name]);
  for (const [before, after] of changes) {
    assert.ok(texts.includes(`>${before}<`), `${before} is in the workbook`);
    texts = texts.replaceAll(`>${before}<`, `>${after}<`);
  }
  files[name] = strToU8(texts);
  return Buffer.from(zipSync(files));
}

// R-2.1.2-12, R-2.1.2-14, R-2.1.2-22
journey("导入产品：XLSX 中的错误按行列出，改正后导入", async (tools) => {
  const company = s.newCompany();
  const page = await tools.open("/");
  await s.register(page, company);
  await s.openDraft(page);
  await s.fillBasics(page);
  await s.addProduct(page);
  const main = page.getByRole("main");
  const [download] = await Promise.all([page.waitForEvent("download"), main.getByRole("link", { name: "导出 XLSX" }).click()]);
  const workbook = readFileSync(await download.path());

  await main.getByRole("link", { name: "导入产品", exact: true }).first().click();
  await s.at(page, "导入产品");
  await tools.both(page, "06b-import");
  await s.press(page, "上传并导入");
  await page.getByRole("alert").first().waitFor();
  const bad = tools.file("产品.xlsx", rewritten(workbook, [["演示品牌", ""], ["KC-26/ZW-T1", "型".repeat(400)]]));
  await page.getByLabel("产品文件").setInputFiles(bad);
  await s.press(page, "上传并导入");
  const faults = page.getByRole("alert").filter({ hasText: "“产品.xlsx”有 2 处需要修改，还没有导入任何产品" });
  await faults.getByText(/第 2 行「商标」/).waitFor();
  await faults.getByText(/第 2 行「规格型号」/).waitFor();
  await tools.both(page, "06b-import-faults");

  const good = tools.file("产品-改.xlsx", rewritten(workbook, [["KC-26/ZW-T1", "KC-35/ZW-T2"]]));
  await page.getByLabel("产品文件").setInputFiles(good);
  await s.press(page, "上传并导入");
  const all = page.getByRole("button", { name: /^全部导入/ });
  await Promise.race([all.waitFor(), s.at(page, "附表产品信息")]);
  if (await all.isVisible()) await all.click();
  await s.at(page, "附表产品信息");
  await page.getByText("共 2 项").first().waitFor();
  await page.getByRole("row").filter({ hasText: "KC-35/ZW-T2" }).waitFor();
  await tools.both(page, "06b-imported");
});
