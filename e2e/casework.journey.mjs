// The bureau's desk: taking and giving back, wrong posts, corrections, withdrawal, termination, the keyboard alone.
import assert from "node:assert/strict";
import { journey, together, DEMO_PASSWORD } from "./harness.mjs";
import * as s from "./steps.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").Locator} Locator */
/** @typedef {import("./harness.mjs").Tools} Tools */

/** A company with an application in 受理中. @param {Tools} tools */
async function filed({ open, file }) {
  const page = await open("/");
  await s.register(page, s.newCompany());
  return { page, number: await s.fileApplication(page, file) };
}

/** An officer at a computer of their own. @param {Tools} tools @param {string} user */
async function officer({ open, login }, user) {
  const page = await open();
  await login(page, "检验检疫局", user);
  return page;
}

together("检验检疫局办理", () => {
  journey("办理、接手、放弃办理；其他岗位只能查看；放弃后企业撤回", async (tools) => {
    const { page, number } = await filed(tools);
    const one = await officer(tools, "demo_accept");
    await s.openCase(one, "受理", number);
    const address = one.url();
    // Looking takes nothing.
    await s.findMine(page, number);
    await page.getByRole("link", { name: `撤回 ${number}` }).click();
    await page.getByRole("button", { name: "撤回" }).waitFor();
    await s.press(one, "办理");
    await one.getByText("由我办理").waitFor();
    await tools.both(one, "17-bureau-taken");

    // Taken meanwhile: the company is told on a page of its own.
    await s.press(page, "撤回");
    await page.getByRole("dialog", { name: "撤回申请" }).getByRole("button", { name: "撤回" }).click();
    await s.at(page, "没有办成，内容已有变化");
    await page.getByText("不能撤回").waitFor();
    await tools.both(page, "21-error-409");

    // A colleague of the same post takes over, with a reason; the first is told.
    const two = await officer(tools, "demo_accept2");
    await s.openCase(two, "受理", number);
    await two.getByText("该单据由").waitFor();
    assert.equal(await two.getByRole("button", { name: "提交意见" }).count(), 0);
    await s.press(two, "接手");
    await two.getByRole("alert").getByRole("link", { name: "接手须填写理由" }).waitFor();
    await tools.both(two, "17-bureau-take-over");
    await s.field(two, "接手理由").fill("同事请假");
    await s.press(two, "接手");
    await two.getByText("由我办理").waitFor();
    await s.field(one, "意见").fill("已经写好的意见");
    await one.getByRole("radio", { name: /^受理\s/ }).check();
    await s.press(one, "提交意见");
    await one.getByRole("alert").filter({ hasText: "没有保存" }).waitFor();
    await one.getByText("同事请假").waitFor();
    await s.press(two, "放弃办理");
    await two.getByRole("status").filter({ hasText: "已放弃办理" }).waitFor();

    // Another post: the case can be read, the worklist cannot.
    const first = await officer(tools, "demo_first");
    await first.goto(address);
    await s.at(first, `受理办理 ${number}`);
    await first.getByText("办理需要本局相应岗位的权限").waitFor();
    assert.equal(await first.getByRole("button", { name: "提交意见" }).count(), 0);
    await tools.both(first, "17-bureau-other-post");
    const refused = await tools.go(first, "/casework?post=accept");
    assert.equal(refused.status(), 403);
    await s.at(first, "没有权限");
    await first.getByText("受理").first().waitFor();
    await tools.both(first, "21a-error-403-post");
    const foreign = await tools.go(page, "/casework");
    assert.equal(foreign.status(), 403);
    await page.getByText("该页面供检验检疫局").waitFor();

    // Given back, it may be withdrawn.
    await tools.go(page, "/main");
    await s.findMine(page, number);
    await page.getByRole("link", { name: `撤回 ${number}` }).click();
    const dialog = page.getByRole("dialog", { name: "撤回申请" });
    await s.press(page, "撤回");
    await dialog.getByText("撤回后不能恢复").waitFor();
    await dialog.getByRole("button", { name: "返回" }).click();
    await dialog.waitFor({ state: "hidden" });
    await s.press(page, "撤回");
    await dialog.getByRole("button", { name: "撤回" }).click();
    await page.getByRole("status").filter({ hasText: "已撤回" }).waitFor();
    await (await s.findMine(page, number)).getByText("已撤回").waitFor();
    await s.menu(one, "主页");
    await one.getByText("企业已撤回申请").first().waitFor();
    await one.getByText(number).first().waitFor();
  });

  journey("送补正：企业按意见补正，锁定项不能改，回到原岗位", async (tools) => {
    const page = await tools.open("/");
    const main = page.getByRole("main");
    await s.register(page, s.newCompany());
    await s.openDraft(page);
    await s.fillBasics(page);
    await s.addProduct(page);
    await s.addProduct(page, { "需免办产品名称": "分体式空调器样机", "规格型号": "KFR-35" });
    await main.getByRole("link", { name: "查看申请附件信息" }).click();
    await s.at(page, "申请附件信息");
    for (const kind of s.REQUIRED_KINDS) await s.upload(page, kind, [tools.file("材料.pdf", s.PDF)]);
    const number = await s.submit(page);
    const accept = await officer(tools, "demo_accept");
    await s.openCase(accept, "受理", number);
    await s.decide(accept, "受理", { "意见": "材料齐全，准予受理。" });

    const first = await officer(tools, "demo_first");
    await s.openCase(first, "初审", number);
    await first.getByRole("radio", { name: /^送补正/ }).check();
    await s.press(first, "提交意见");
    await first.getByRole("alert").filter({ hasText: "有 2 处需要修改" }).waitFor();
    await tools.both(first, "17-bureau-errors");
    await first.getByRole("checkbox", { name: "附表产品信息" }).check();
    await first.getByRole("checkbox", { name: "申请附件信息" }).check();
    await first.getByText("指定附表产品信息中的项目").click();
    await first.getByRole("textbox", { name: "规格型号的产品序号" }).fill("1-3");
    await s.press(first, "提交意见");
    await first.getByRole("alert").filter({ hasText: "有 2 处需要修改" }).waitFor();
    await first.locator(".invalid-feedback").getByText("没有第 3 项产品，本申请共 2 项产品").waitFor();
    await tools.both(first, "17-bureau-products");
    await first.getByRole("textbox", { name: "规格型号的产品序号" }).fill("1");
    await s.decide(first, "送补正", { "意见": "型号与发票不一致，请核对，并补充铭牌照片。" });

    await s.menu(page, "主页");
    await page.getByRole("region", { name: "今日提醒" }).getByText("申请被返回修改").waitFor();
    await tools.both(page, "03-enterprise-home-returned");
    const row = await s.findMine(page, number);
    await row.getByText("返回修改").waitFor();
    await row.getByRole("link", { name: `修改 ${number}` }).click();
    await s.at(page, "申请基本信息");
    await page.getByText("型号与发票不一致，请核对，并补充铭牌照片。").waitFor();
    await page.getByText("附表产品信息（规格型号（第 1 项））、申请附件信息").first().waitFor();
    for (const sentence of ["返回修改的申请不允许修改免办条款", "返回修改的申请不允许修改产品最终使用地"]) await page.getByText(sentence).waitFor();
    for (const locked of ["免办条款", "产品最终使用地（地址）"]) assert.equal(await s.field(page, locked).count(), 0, `${locked} is locked`);
    assert.equal(await page.getByRole("group", { name: "产品最终使用地行政区划" }).count(), 0);
    await tools.both(page, "05-basic-info-returned");
    await s.fill(main, { "备注": "已核对型号" });
    await s.press(page, "保存");
    await page.getByRole("status").filter({ hasText: "已保存申请基本信息" }).waitFor();
    await main.getByRole("link", { name: "查看申请产品信息" }).click();
    await s.at(page, "附表产品信息");
    await s.rowOf(page, "KC-26/ZW-T1").getByText("需补正 规格型号").waitFor();
    await tools.both(page, "06-products-returned");
    await main.getByRole("link", { name: "查看第 2 项" }).click();
    await s.at(page, "免办产品信息");
    assert.equal(await main.locator(".form-grid").getByText("需补正").count(), 0, "the other product is not marked");
    await page.goBack();
    await main.getByRole("checkbox", { name: "只看需补正的产品" }).check();
    await s.press(page, "查询");
    await s.rowOf(page, "KFR-35").waitFor({ state: "detached" });
    await main.getByRole("link", { name: "查看第 1 项" }).click();
    await s.at(page, "免办产品信息");
    await page.getByText("返回修改的申请不允许修改产品最终使用地").waitFor();
    await main.getByText("规格型号 需补正").waitFor();
    await tools.both(page, "07-product-returned");
    await main.locator("#f-model").fill("KC-26/ZW-T2");
    await s.press(page, "保存并关闭");
    await s.rowOf(page, "KC-26/ZW-T2").waitFor();
    await main.getByRole("link", { name: "查看申请附件信息" }).click();
    await s.at(page, "申请附件信息");
    await s.upload(page, "技术资料/照片", [tools.file("铭牌.jpg", 4000)]);
    assert.equal(await s.submit(page), number, "the number stays");
    await (await s.findMine(page, number)).getByText("初审中").waitFor();

    await s.openCase(first, "初审", number);
    await first.getByText("补正后重新提交").waitFor();
    await first.getByText("KC-26/ZW-T2").first().waitFor();
    const changes = first.getByRole("region", { name: "补正前后对照" });
    for (const where of [changes, first.getByRole("region", { name: "申请附件，可横向滚动" })]) assert.ok(await where.getByRole("link", { name: "铭牌.jpg", exact: true }).isVisible());
    for (const [before, after] of [["—", "已核对型号"], ["KC-26/ZW-T1", "KC-26/ZW-T2"]]) await changes.getByRole("row").filter({ hasText: before }).filter({ hasText: after }).waitFor();
    await changes.getByRole("row").filter({ hasText: "增加" }).filter({ hasText: "铭牌.jpg" }).waitFor();
    await tools.both(first, "17-bureau-corrected");
  });

  journey("强制终止：填写原因和申请单号，再确认", async (tools) => {
    const { page, number } = await filed(tools);
    const desk = await officer(tools, "demo_bureau");
    await s.menu(desk, "强制终止");
    await s.field(desk, "申请单号").fill(number);
    await s.press(desk, "查询");
    await desk.getByText("共 1 条").first().waitFor();
    await s.rowOf(desk, number).getByRole("link", { name: `办理 ${number}` }).click();
    const card = desk.getByRole("region", { name: "强制终止流程" });
    const dialog = desk.getByRole("dialog", { name: "强制终止流程" });
    await s.fill(card, { "终止原因": "短", "申请单号": "MB0" });
    await s.press(desk, "强制终止流程", card);
    await dialog.getByRole("button", { name: "强制终止流程" }).click();
    await desk.getByRole("alert").filter({ hasText: "有 2 处需要修改" }).waitFor();
    await tools.both(desk, "17-bureau-terminate");
    await s.fill(card, { "终止原因": "企业已注销，终止办理", "申请单号": number });
    await s.press(desk, "强制终止流程", card);
    await dialog.getByText(`申请单 ${number} 的审批流程将被终止，不能恢复。`).waitFor();
    await dialog.getByRole("button", { name: "返回" }).click();
    await (await s.findMine(page, number)).getByText("受理中").waitFor();
    await s.press(desk, "强制终止流程", card);
    await dialog.getByRole("button", { name: "强制终止流程" }).click();
    await desk.getByRole("status").filter({ hasText: "审批流程已强制终止" }).waitFor();

    const row = await s.findMine(page, number);
    await row.getByRole("link", { name: "强制终止流程" }).click();
    await s.at(page, "强制终止流程");
    for (const text of ["检疫局名称", "操作人名称", "操作时间", "企业已注销，终止办理"]) await page.getByText(text, { exact: true }).waitFor();
    await tools.both(page, "11-outcome-terminated");
  });

  journey("只用键盘受理一份申请", async (tools) => {
    const { number } = await filed(tools);
    const page = await tools.open("/login");
    await s.tabTo(page, page.getByRole("radio", { name: "企业" }));
    await page.keyboard.press("ArrowRight");
    assert.ok(await page.getByRole("radio", { name: "检验检疫局" }).isChecked());
    await s.tabTo(page, s.field(page, "用户名"));
    await page.keyboard.type("demo_accept");
    await page.keyboard.press("Tab");
    await page.keyboard.type(DEMO_PASSWORD);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/main");

    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "跳到主要内容", "the first Tab offers the way past the menu");
    await s.tabTo(page, page.getByRole("navigation", { name: "操作菜单" }).getByRole("link", { name: /^受理/ }));
    await page.keyboard.press("Enter");
    await s.at(page, "受理待办");
    await s.tabTo(page, s.field(page, "申请单号"));
    await page.keyboard.type(number);
    await page.keyboard.press("Enter");
    await page.getByText("共 1 条").first().waitFor();
    await s.tabTo(page, page.getByRole("link", { name: `办理 ${number}` }));
    await page.keyboard.press("Enter");
    await s.at(page, `受理办理 ${number}`);
    const results = page.getByRole("group", { name: "处理结果" }).getByRole("radio");
    await s.tabTo(page, results);
    await page.keyboard.press("Space");
    assert.ok(await results.first().isChecked());
    await page.keyboard.press("ArrowDown");
    assert.ok(await results.nth(1).isChecked());
    await page.keyboard.press("ArrowUp");
    await s.tabTo(page, page.getByRole("checkbox", { name: "附表产品信息" }));
    await page.keyboard.press("Space");
    await page.keyboard.press("Space");
    await s.tabTo(page, s.field(page, "意见"));
    await page.keyboard.type("材料齐全，准予受理。");
    await s.tabTo(page, page.getByRole("button", { name: "提交意见" }));
    await page.keyboard.press("Enter");
    await page.getByRole("status").filter({ hasText: `${number}：已提交意见` }).waitFor();
  });

  journey("待办列表：键盘移动和打开，常用条件，改派，下一件，移交", async (tools) => {
    const page = await tools.open("/");
    const company = s.newCompany();
    await s.register(page, company);
    const numbers = [await s.fileApplication(page, tools.file), await s.fileApplication(page, tools.file)];
    const accept = await officer(tools, "demo_accept");
    await s.menu(accept, "受理");
    await s.at(accept, "受理待办");
    await s.field(accept, "申请单位").fill(company.name);
    await s.field(accept, "到岗日期（起）").fill("2020-01-01");
    await s.press(accept, "查询");
    await accept.getByRole("link", { name: "把当前条件存为常用条件" }).waitFor();
    await tools.both(accept, "16-bureau-worklist");
    // j and k go along the rows, x ticks, Enter opens.
    await accept.evaluate(() => /** @type {HTMLElement} */ (document.activeElement)?.blur());
    const open = accept.locator("[data-open]");
    await accept.keyboard.press("j");
    assert.ok(await open.first().evaluate((link) => link === document.activeElement), "j goes to the first case");
    await accept.keyboard.press("ArrowDown");
    assert.ok(await open.nth(1).evaluate((link) => link === document.activeElement));
    await accept.keyboard.press("k");
    await accept.keyboard.press("x");
    assert.ok(await accept.locator("[data-row]").first().isChecked());
    await accept.keyboard.press("Enter");
    await accept.waitForURL(/\/casework\/\d+\?list=/);
    await accept.goBack();

    await accept.getByRole("link", { name: "把当前条件存为常用条件" }).click();
    await s.at(accept, "常用条件");
    await s.field(accept, "名称").fill("今年的单据");
    await s.press(accept, "保存常用条件");
    await accept.getByRole("status").filter({ hasText: "已保存常用条件" }).waitFor();
    await accept.getByRole("link", { name: "管理常用条件" }).click();
    await s.at(accept, "常用条件");
    await tools.both(accept, "16-bureau-saved-filters");
    await s.press(accept, "删除 今年的单据");
    await accept.getByRole("dialog").getByRole("button", { name: "删除" }).click();
    await accept.getByText("还没有常用条件").waitFor();

    // 改派 by 局系统管理员.
    const head = await officer(tools, "demo_bureau");
    await s.menu(head, "本局待办");
    await s.field(head, "申请单号").fill(numbers[1]);
    await s.press(head, "查询");
    await head.getByText("共 1 条").first().waitFor();
    await head.getByRole("checkbox", { name: `选择 ${numbers[1]}` }).check();
    await tools.both(head, "16-bureau-all");
    await head.getByRole("button", { name: "改派所选" }).click();
    await s.at(head, "改派单据");
    await s.press(head, "改派");
    await head.getByRole("alert").filter({ hasText: "有 2 处需要修改" }).waitFor();
    await tools.both(head, "16-bureau-reassign");
    await s.field(head, "办理人").selectOption({ label: "上海局 受理（第二人）（受理）" });
    await s.field(head, "改派理由").fill("平衡工作量");
    await s.press(head, "改派");
    await head.getByRole("status").filter({ hasText: "已将 1 件单据改派给" }).waitFor();
    const two = await officer(tools, "demo_accept2");
    await s.menu(two, "我的待办");
    await s.rowOf(two, numbers[1]).getByText("由我办理").waitFor();
    await tools.both(two, "16-bureau-mine");

    // 移交, as far as the page: the branches of the demonstration have no officers.
    await s.menu(head, "本局待办");
    await s.field(head, "申请单号").fill(numbers[0]);
    await s.press(head, "查询");
    await head.getByText("共 1 条").first().waitFor();
    await s.rowOf(head, numbers[0]).getByRole("link", { name: `办理 ${numbers[0]}` }).click();
    await head.getByRole("link", { name: "移交" }).click();
    await s.at(head, `移交 ${numbers[0]}`);
    await s.press(head, "移交");
    await head.getByRole("alert").filter({ hasText: "有 2 处需要修改" }).waitFor();
    await tools.both(head, "17-bureau-transfer");
  });
});
