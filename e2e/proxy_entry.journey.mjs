// 补录: an officer enters an application for a registered user; the user views it; the bureau corrects what is returned.
import assert from "node:assert/strict";
import { journey, together, PHONE } from "./harness.mjs";
import * as s from "./steps.mjs";

together("补录申请", () => {
  journey("补录岗为企业用户录入并提交；企业查看（补录）；受理岗送补正；补录岗修改", async (tools) => {
    const company = s.newCompany();
    const user = await tools.open("/");
    await s.register(user, company);

    const entry = await tools.open();
    const main = entry.getByRole("main");
    await tools.login(entry, "检验检疫局", "demo_entry");
    await s.menu(entry, "补录申请");
    await s.at(entry, "补录申请");
    await main.getByRole("link", { name: "添加", exact: true }).first().click();
    await s.at(entry, "选择企业用户");
    await entry.getByText("请先输入查询条件").waitFor();
    await tools.both(entry, "30-proxy-choose-empty");
    await s.field(entry, "用户名").fill("没有这个用户");
    await s.press(entry, "查询");
    await entry.getByText("没有符合条件的企业用户").waitFor();
    await tools.both(entry, "30-proxy-choose-nobody");
    await s.fill(main, { "用户名": "", "组织机构代码": company.written, "申请单位": "示例电器（上海）" });
    await s.press(entry, "查询");
    await entry.getByText("共 1 条").first().waitFor();
    await tools.both(entry, "30-proxy-choose");
    await main.getByRole("link", { name: `为 ${company.name} 的用户 ${company.user} 补录` }).click();
    await s.at(entry, "申请人声明");
    await entry.getByText("正在为").waitFor();
    await tools.both(entry, "30-proxy-declaration");
    await s.declare(entry);
    await entry.getByText(company.mail).first().waitFor();
    await tools.both(entry, "30-proxy-basics");
    await s.fillBasics(entry);
    await s.addProduct(entry);
    await tools.both(entry, "30-proxy-products");
    assert.equal(await main.getByRole("link", { name: "存为产品模板" }).count(), 0);

    // The user sees it grow, and cannot touch it.
    await s.menu(user, "查看申请列表");
    const draft = s.rowOf(user, "局代录");
    assert.equal(await draft.getByRole("checkbox").count(), 0);
    await draft.getByRole("link", { name: "查看（补录）" }).click();
    await user.getByText("您可以查看").waitFor();
    assert.equal(await user.getByRole("main").getByRole("link", { name: "修改", exact: true }).count(), 0);
    await tools.both(user, "31-proxy-view-draft");

    await s.menu(entry, "补录申请");
    await s.rowOf(entry, company.user).getByRole("link", { name: /^修改/ }).waitFor();
    await tools.both(entry, "30-proxy-list");
    await s.rowOf(entry, company.user).getByRole("link", { name: /^修改/ }).click();
    await s.at(entry, "申请基本信息");
    await main.getByRole("link", { name: "查看申请附件信息" }).click();
    await s.at(entry, "申请附件信息");
    for (const kind of s.REQUIRED_KINDS) await s.upload(entry, kind, [tools.file("材料.pdf", s.PDF)]);
    const number = await s.submit(entry);
    await tools.both(entry, "30-proxy-receipt");
    await tools.letter((letter) => letter.to.includes(company.mail) && letter.text.includes(number) && letter.text.includes("代录单位"));
    const row = await s.findMine(user, number);
    await row.getByText("受理中").waitFor();
    await row.getByRole("link", { name: `打印申请 ${number}` }).waitFor();
    assert.equal(await row.getByRole("link", { name: /撤回|^修改/ }).count(), 0);
    await tools.both(user, "31-proxy-enterprise-list");

    const accept = await tools.open();
    await tools.login(accept, "检验检疫局", "demo_accept");
    await s.openCase(accept, "受理", number);
    await accept.getByText("局代录").first().waitFor();
    await accept.getByRole("checkbox", { name: "申请基本信息" }).check();
    await s.decide(accept, "送补正", { "意见": "请补充测试的期限。" });

    // On a phone, from the menu to the resubmission.
    const phone = await tools.open(undefined, { width: PHONE });
    await tools.login(phone, "检验检疫局", "demo_entry");
    await s.menu(phone, "补录申请");
    await s.at(phone, "补录申请");
    await s.field(phone, "申请单号").fill(number);
    await s.press(phone, "查询");
    await phone.getByText("共 1 条").first().waitFor();
    await phone.getByRole("main").getByRole("link", { name: `修改 ${number}` }).click();
    await s.at(phone, "申请基本信息");
    await phone.getByText("请补充测试的期限。").waitFor();
    await phone.getByText("返回修改的申请不允许修改免办条款").waitFor();
    await tools.check(phone, "30-proxy-returned");
    await s.field(phone, "用途及免办理由").fill("用于新一代房间空气调节器能效对比测试，为期三个月，测试完成后退运。");
    await s.press(phone, "保存");
    await phone.getByRole("status").filter({ hasText: "已保存申请基本信息" }).waitFor();
    await phone.getByRole("main").getByRole("link", { name: "核对申请信息" }).first().click();
    await s.at(phone, "核对申请信息");
    assert.equal(await s.submit(phone), number, "the number stays");
    await (await s.findMine(user, number)).getByText("受理中").waitFor();
    await s.menu(entry, "补录申请");
    await main.getByRole("link", { name: "已提交" }).click();
    await s.rowOf(entry, number).getByRole("link", { name: `查看 ${number}` }).click();
    await s.at(entry, `受理办理 ${number}`);
    await tools.both(entry, "30-proxy-case");
  });
});
