// What became of the goods: the enterprise writes records, 后续监管 judges them and looks at the place.
import assert from "node:assert/strict";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

together("产品使用记录和后续监管", () => {
  // R-2.9-01 to -04, R-2.9.1-01, -03, -04, -06, R-2.9.4-01, -03, -05, -06, R-B-09
  journey("填写使用单位，审核未通过后修改再提交；现场核查；逾期证明", async (tools) => {
    const { open, login, both, file } = tools;
    tools.expectProblem(/ERR_INTERNET_DISCONNECTED|Failed to load resource/);
    const page = await open();
    await login(page, "企业", "demo_enterprise");
    await s.menu(page, "查看申请列表");
    await s.at(page, "申请列表");
    await page.getByRole("link", { name: /^填写产品使用记录 MB/ }).first().click();
    await s.at(page, "填写产品使用记录");
    await both(page, "15a-usage-list");

    // A product is chosen first.
    await s.press(page, "填写使用单位");
    await page.getByRole("alert").filter({ hasText: "请先选择产品" }).waitFor();
    await both(page, "15a-usage-list-refused");
    await page.getByRole("checkbox", { name: /^选择第 1 项/ }).check();
    await s.press(page, "填写使用单位");
    await s.at(page, "填写使用单位");
    const address = await s.field(page, "使用单位地址").inputValue();
    assert.notEqual(address, "");
    await s.press(page, "清空使用单位信息");
    await page.waitForURL(/refresh=clear/);
    assert.equal(await s.field(page, "使用单位地址").inputValue(), "");
    await s.press(page, "复制申请单最终使用地");
    await page.waitForURL(/refresh=copy/);
    assert.match(await s.field(page, "使用单位地址").inputValue(), /浦东新区/);

    // Every mistake at once; what is typed stays.
    await s.fill(page.getByRole("main"), { "本次使用数量": "999", "使用说明": "能效对比测试" });
    await s.press(page, "提交");
    await page.getByRole("alert").filter({ hasText: "本次使用数量不能超过剩余数量" }).waitFor();
    assert.equal(await s.field(page, "使用说明").inputValue(), "能效对比测试");
    await both(page, "15b-usage-form-errors");

    // 附件: two at once, one deleted.
    const files = page.getByRole("region", { name: "上传附件" });
    await files.getByLabel("浏览附件").setInputFiles([file("领用单.pdf", s.PDF), file("多余.txt", 10)]);
    await s.press(page, "添加", files);
    await files.getByText("上传结束").waitFor();
    assert.equal(await files.getByRole("listitem").count(), 2);
    await s.press(page, "删除 多余.txt", files);
    await files.getByRole("link", { name: "多余.txt" }).waitFor({ state: "detached" });
    assert.equal(await files.getByRole("listitem").count(), 1);
    await s.fill(page.getByRole("main"), {
      "本次使用数量": "1", "使用单位名称": "示例检测技术（上海）有限公司", "联系人": "李示例", "联系电话": "021-00000001", "使用日期": "2026-01-05", "序列号/零件号": "SN-2026-0001",
    });
    await both(page, "15b-usage-form");
    await s.press(page, "提交");
    await s.at(page, "查看记录");
    const row = page.getByRole("row").filter({ hasText: "领用单.pdf" }).first();
    await row.getByText("已提交").waitFor();
    await both(page, "15c-usage-records");
    for (const tab of ["查看退运记录", "查看销毁记录"]) {
      await page.getByRole("link", { name: new RegExp(tab) }).click();
      await page.getByRole("link", { name: new RegExp(tab), current: "page" }).waitFor();
      await both(page, `15c-${tab}`);
    }

    // E21: typed, the tab closed, restored; a cut connection leaves the form; 返回 gives it up.
    await page.getByRole("link", { name: "返回", exact: true }).click();
    await s.at(page, "填写产品使用记录");
    await page.getByRole("checkbox", { name: /^选择第 1 项/ }).check();
    await s.press(page, "填写销毁记录");
    await s.at(page, "填写销毁记录");
    await s.fill(page.getByRole("main"), { "本次销毁数量": "1", "销毁地点": "示例销毁场", "序列号/零件号": "SN-1\nSN-2" });
    await page.getByRole("status").filter({ hasText: /^已自动保存 \d\d:\d\d:\d\d$/ }).waitFor();
    const form = page.url();
    await page.goto("about:blank");
    await page.goto(form);
    await page.getByRole("region", { name: "没有保存的内容" }).getByText("系统已自动留存").waitFor();
    await both(page, "15b-destruction-offer");
    await page.getByRole("link", { name: "恢复" }).click();
    await page.getByText("下方表单已恢复").waitFor();
    assert.equal(await s.field(page, "销毁地点").inputValue(), "示例销毁场");
    assert.equal(await s.field(page, "序列号/零件号").inputValue(), "SN-1\nSN-2");
    await page.context().setOffline(true);
    await s.press(page, "保存");
    await page.getByRole("alert").filter({ hasText: "没有连上服务器，没有保存" }).waitFor();
    assert.equal(await s.field(page, "销毁地点").inputValue(), "示例销毁场");
    await page.context().setOffline(false);
    await Promise.all([s.answerDialog(page, true), page.getByRole("link", { name: "返回", exact: true }).click()]);
    await s.at(page, "填写产品使用记录");
    await page.goto(form);
    await s.at(page, "填写销毁记录");
    assert.equal(await page.getByRole("link", { name: "恢复" }).count(), 0);

    // 退运: the port in two levels; 返回 asks before it drops what was typed.
    await page.getByRole("link", { name: "返回", exact: true }).click();
    await s.at(page, "填写产品使用记录");
    await page.getByRole("checkbox", { name: /^选择第 1 项/ }).check();
    await s.press(page, "填写退运记录");
    await s.at(page, "填写退运记录");
    await s.fill(page.getByRole("main"), { "本次退运数量": "1", "退运原因": "测试结束" });
    await s.cascade(page, "出口口岸", ["上海海关（2200）", "浦江海关（2201）"]);
    assert.equal(await s.field(page, "退运原因").inputValue(), "测试结束");
    await both(page, "15b-return-form");
    await Promise.all([s.answerDialog(page, true), page.getByRole("link", { name: "返回", exact: true }).click()]);
    await s.at(page, "填写产品使用记录");
    await page.getByRole("checkbox", { name: /^选择第 1 项/ }).check();
    await s.press(page, "填写销毁记录");
    await s.at(page, "填写销毁记录");
    await both(page, "15b-destruction-form");

    // 后续监管: the worklist, the record, the mistake, the judgement.
    const officer = await open();
    await login(officer, "检验检疫局", "demo_supervise");
    await s.menu(officer, "后续监管");
    await s.at(officer, "后续监管待办");
    await both(officer, "17-supervision");
    await officer.getByRole("link", { name: /^使用记录 \d+$/ }).last().click();
    await s.at(officer, "审核使用记录");
    await officer.getByText("SN-2026-0001").waitFor();
    await both(officer, "17-usage-review");
    await officer.getByRole("radio", { name: /^审核未通过/ }).check();
    await s.press(officer, "提交意见");
    await officer.getByRole("alert").filter({ hasText: "请填写审核意见" }).waitFor();
    await s.field(officer, "审核意见").fill("使用单位与台账不一致，请核对。");
    await s.press(officer, "提交意见");
    await s.at(officer, "后续监管待办");

    // 修改, 提交 again.
    await s.menu(page, "主页");
    await page.getByText("产品使用记录审核未通过").first().waitFor();
    await page.getByRole("link", { name: /^使用记录 \d+$/ }).first().click();
    await s.at(page, "修改使用记录");
    await page.getByText("使用单位与台账不一致").waitFor();
    await both(page, "15b-usage-change");
    await s.field(page, "使用单位名称").fill("示例检测技术（上海）有限公司一分部");
    await s.press(page, "提交");
    await s.at(page, "查看记录");
    await s.menu(officer, "后续监管");
    await officer.getByRole("link", { name: /^使用记录 \d+$/ }).last().click();
    await officer.getByText("一分部").waitFor();
    await officer.getByRole("radio", { name: /^审核通过/ }).check();
    await s.press(officer, "提交意见");
    await s.at(officer, "后续监管待办");

    // 监管档案, 现场核查 with a photo.
    await s.menu(officer, "逾期证明");
    await s.at(officer, "逾期证明");
    await both(officer, "17-overdue");
    await officer.getByLabel("期限", { exact: true }).selectOption({ label: "全部" });
    await s.press(officer, "查询");
    await officer.getByRole("link", { name: /^监管档案/ }).first().click();
    await s.at(officer, "监管档案");
    await s.fill(officer.getByRole("form", { name: "登记现场核查" }), {
      "核查日期": "2026-01-06", "核查地点": "示例科技园 3 号楼 2 层", "陪同人员": "李示例", "核查情况": "产品存放于专用区域，台账完整。",
    });
    const photos = officer.getByRole("region", { name: "现场照片" });
    await photos.getByLabel("浏览附件").setInputFiles([file("现场记录.pdf", s.PDF)]);
    await s.press(officer, "添加", photos);
    await photos.getByText("上传结束").waitFor();
    await s.press(officer, "登记核查");
    await officer.getByText("已登记现场核查").waitFor();
    await both(officer, "17-dossier");

    // The enterprise's side of the board.
    await s.menu(page, "逾期证明");
    await s.at(page, "逾期证明");
    await both(page, "10-overdue");
  });
});
