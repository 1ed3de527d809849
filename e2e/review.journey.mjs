// A reviewer's desk: the whole review by keyboard alone at both widths, 审核要点, 暂存, 常用意见, 内部备注.
import assert from "node:assert/strict";
import { journey, together, DESK, PHONE } from "./harness.mjs";
import * as s from "./steps.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").Locator} Locator */
/** @typedef {import("./harness.mjs").Tools} Tools */

/** A company of its own name with two applications in 受理中. @param {Tools} tools */
async function filed({ open, file }) {
  const page = await open("/");
  const company = s.newCompany();
  company.name = `示例电器(上海)有限公司 ${company.code}`;
  await s.register(page, company);
  return { page, company, numbers: [await s.fileApplication(page, file), await s.fileApplication(page, file)] };
}

/** What has the focus. @param {Locator} target */
const hasFocus = (target) => target.evaluate((e) => e === document.activeElement);

/** Opens the list of 受理 with the company's cases, by keys. @param {Page} page @param {string} company @param {number} width */
async function openList(page, company, width) {
  if (width === PHONE) {
    await s.tabTo(page, page.getByRole("button", { name: "打开菜单" }));
    await page.keyboard.press("Enter");
  }
  await s.tabTo(page, page.getByRole("navigation", { name: "操作菜单" }).getByRole("link", { name: /^受理/ }));
  await page.keyboard.press("Enter");
  await s.at(page, "受理待办");
  await s.tabTo(page, s.field(page, "申请单位"));
  await page.keyboard.type(company);
  await page.keyboard.press("Enter");
}

/** Answers a point: so many steps to the right of 符合. @param {Page} page @param {string} point @param {number} steps */
async function answer(page, point, steps) {
  const radios = page.getByRole("group", { name: point }).getByRole("radio");
  await s.tabTo(page, radios);
  if (steps === 0) await page.keyboard.press("Space");
  for (let n = 0; n < steps; n++) await page.keyboard.press("ArrowRight");
  assert.ok(await radios.nth(steps).isChecked(), point);
}

together("审批意见", () => {
  for (const width of [DESK, PHONE]) {
    journey(`只用键盘审核两份申请：核对要点、填入常用意见、暂存、送补正、受理（${width}）`, async (tools) => {
      const { company, numbers } = await filed(tools);
      const page = await tools.open(undefined, { width });
      await tools.login(page, "检验检疫局", "demo_accept");
      await openList(page, company.name, width);
      await page.getByText("共 2 条").first().waitFor();
      await s.tabTo(page, page.getByRole("link", { name: `办理 ${numbers[0]}` }));
      await page.keyboard.press("Enter");
      await s.at(page, `受理办理 ${numbers[0]}`);

      await answer(page, "申请信息完整、填写规范", 0);
      await answer(page, "附件种类齐全", 0);
      await answer(page, "附件清晰、签章齐全", 1);
      await answer(page, "最终使用地属本局辖区", 0);
      await page.getByText("4 / 5 已核对").waitFor();
      // A digit chooses, also while a point has the focus; a phrase goes into the opinion.
      await page.keyboard.press("2");
      const results = page.getByRole("group", { name: "处理结果" }).getByRole("radio");
      assert.ok(await results.nth(1).isChecked());
      await s.tabTo(page, page.getByText("常用意见", { exact: true }));
      await page.keyboard.press("Enter");
      await s.tabTo(page, page.getByRole("button", { name: "附件未盖章或签字不全，请盖章签字后重新上传。" }));
      await tools.check(page, "17-bureau-review");
      await page.keyboard.press("Enter");
      const opinion = s.field(page, "意见");
      assert.ok(await hasFocus(opinion), "the caret is in the opinion");
      await page.keyboard.type("另请补充铭牌照片 2 张。");
      const words = "附件未盖章或签字不全，请盖章签字后重新上传。另请补充铭牌照片 2 张。";
      assert.equal(await opinion.inputValue(), words);
      assert.ok(await results.nth(1).isChecked(), "a digit that is typed chooses nothing");
      await s.tabTo(page, page.getByRole("button", { name: "暂存", exact: true }));
      await page.keyboard.press("Enter");
      await page.getByRole("status").filter({ hasText: "已暂存，尚未提交意见" }).waitFor();

      // Away and back: all is there.
      await page.goto(tools.url + "/main");
      await openList(page, company.name, width);
      await page.getByText("共 2 条").first().waitFor();
      await s.tabTo(page, page.getByRole("link", { name: `办理 ${numbers[0]}` }));
      await page.keyboard.press("Enter");
      await s.at(page, `受理办理 ${numbers[0]}`);
      await page.getByText("4 / 5 已核对").waitFor();
      assert.equal(await opinion.inputValue(), words);
      assert.ok(await results.nth(1).isChecked());
      await s.tabTo(page, page.getByRole("checkbox", { name: "申请附件信息" }));
      await page.keyboard.press("Space");
      await page.keyboard.press("Control+Enter");
      await page.getByRole("status").filter({ hasText: `${numbers[0]}：已提交意见“送补正”。已打开本列表的下一件。` }).waitFor();

      // The next case begins at its heading; the way past the papers is one Tab away.
      await s.at(page, `受理办理 ${numbers[1]}`);
      assert.ok(await hasFocus(page.getByRole("heading", { level: 1 })), "the focus is on the heading");
      await page.keyboard.press("Tab");
      assert.ok(await hasFocus(page.getByRole("link", { name: "跳到审批意见" })));
      await page.keyboard.press("Enter");
      await page.keyboard.press("1");
      assert.ok(await results.first().isChecked());
      await page.keyboard.press("Control+Enter");
      await page.getByRole("status").filter({ hasText: "本列表没有其他可以办理的单据" }).waitFor();
    });
  }

  journey("要点不符合而受理须说明；常用意见的增删；没有脚本也能填入；内部备注", async (tools) => {
    const { page: owner, numbers } = await filed(tools);
    const page = await tools.open();
    await tools.login(page, "检验检疫局", "demo_accept");
    await s.openCase(page, "受理", numbers[0]);
    const address = page.url();
    await page.getByRole("group", { name: "附件种类齐全" }).getByRole("radio", { name: "不符合" }).check({ force: true });
    await page.getByRole("radio", { name: /^受理\s/ }).check();
    await s.press(page, "提交意见");
    await page.getByRole("alert").getByRole("link", { name: /审核要点“附件种类齐全”为不符合/ }).waitFor();
    await tools.both(page, "17-bureau-review-explain");
    await s.field(page, "意见").fill("示例意见：缺少的材料不影响受理");
    await page.getByText("常用意见", { exact: true }).click();
    await s.press(page, "把当前意见存为常用意见");
    await page.getByRole("status").filter({ hasText: "已存为常用意见" }).waitFor();
    assert.equal(await s.field(page, "意见").inputValue(), "示例意见：缺少的材料不影响受理");
    await page.getByText("常用意见", { exact: true }).click();
    await tools.both(page, "17-bureau-review-phrases");
    await page.getByRole("button", { name: "删除常用意见 示例意见：缺少的材料不影响受理" }).click();
    await page.getByRole("status").filter({ hasText: "已删除常用意见" }).waitFor();
    await s.press(page, "放弃暂存");
    await page.getByRole("dialog", { name: "放弃暂存" }).getByRole("button", { name: "放弃暂存" }).click();
    await page.getByRole("status").filter({ hasText: "已放弃暂存的内容" }).waitFor();
    assert.equal(await s.field(page, "意见").inputValue(), "");

    // 内部备注 with a file; a wrong file is refused beside its field.
    await s.field(page, "写备注").fill("已与企业电话核实，样机共三台。");
    await page.getByLabel("附件", { exact: true }).setInputFiles(tools.file("记录.pdf", s.PDF));
    await s.press(page, "保存备注");
    const notes = page.getByRole("region", { name: "内部备注" });
    await notes.getByText("已与企业电话核实，样机共三台。").waitFor();
    await s.field(page, "写备注").fill("写错了单据");
    await page.getByLabel("附件", { exact: true }).setInputFiles(tools.file("工具.exe", Buffer.from("MZ\u0000\u0001")));
    await s.press(page, "保存备注");
    await s.at(page, `内部备注 ${numbers[0]}`);
    await page.getByRole("alert").getByRole("link", { name: /只能上传 PDF/ }).waitFor();
    await tools.both(page, "17-bureau-notes-error");
    await s.press(page, "保存备注");
    await page.getByRole("status").filter({ hasText: "已保存内部备注" }).waitFor();
    await notes.getByText("划去…").first().click();
    await notes.getByLabel("划去理由").first().fill("应写在另一张单据");
    await notes.getByRole("button", { name: "划去", exact: true }).first().click();
    await page.getByRole("status").filter({ hasText: "已划去这条备注" }).waitFor();
    await tools.both(page, "17-bureau-notes");
    await s.findMine(owner, numbers[0]);
    await owner.getByRole("link", { name: `查看 ${numbers[0]}` }).first().click();
    assert.equal(await owner.getByText("样机共三台").count(), 0);

    // Without script.
    const plain = await tools.open(undefined, { javaScript: false });
    await tools.login(plain, "检验检疫局", "demo_accept");
    await plain.goto(address);
    await plain.getByText("常用意见", { exact: true }).click();
    await plain.getByRole("button", { name: "材料齐全，符合受理要求，准予受理。" }).click();
    await plain.getByRole("status").filter({ hasText: "已填入常用意见" }).waitFor();
    assert.equal(await s.field(plain, "意见").inputValue(), "材料齐全，符合受理要求，准予受理。");
  });
});
