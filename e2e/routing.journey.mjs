// CNCA's desk: 业务下放 with what a rule moves and competes with, the tester, the history, the jurisdiction; and the audit.
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

together("认监委的业务下放和审计", () => {
  journey("新增规则前核对，由哪个局办理，变更记录，管辖区域", async ({ open, login, both }) => {
    const page = await open();
    const main = page.getByRole("main");
    await login(page, "认监委", "demo_cnca");
    await s.menu(page, "业务下放");
    await s.at(page, "业务下放");
    await both(page, "20-delegation-overview");
    await main.getByRole("link", { name: "江苏出入境检验检疫局", exact: true }).click();
    await s.at(page, /^业务下放：江苏/);
    await both(page, "20-delegation-list");
    await main.getByRole("link", { name: "新增规则" }).click();
    await s.at(page, "新增规则");
    await s.press(page, "核对影响");
    await page.getByRole("alert").filter({ hasText: "处需要修改" }).waitFor();
    await both(page, "20-delegation-errors");
    await s.cascade(page, "产品最终使用地行政区划", ["江苏省", "苏州市", "虎丘区"]);
    await s.fill(main, { "办理机构": "苏州出入境检验检疫局", "变更说明": "苏州局自行受理和初审。" });
    await page.getByRole("checkbox", { name: "受理", exact: true }).check();
    await page.getByRole("checkbox", { name: "初审", exact: true }).check();
    await s.press(page, "核对影响");
    await page.getByRole("heading", { name: "保存前请核对" }).waitFor();
    await both(page, "20-delegation-review");
    await s.press(page, "保存");
    await page.getByRole("alert").getByRole("link", { name: /已核对重叠的规则/ }).waitFor();
    await page.getByRole("checkbox", { name: "已核对重叠的规则" }).check();
    await s.press(page, "保存");
    await s.at(page, /^规则 \d+$/);
    await both(page, "20-delegation-rule");
    await main.getByRole("link", { name: "全部变更记录" }).click();
    await page.getByText("苏州局自行受理和初审。").first().waitFor();
    await both(page, "20-delegation-history");

    await s.menu(page, "业务下放");
    await main.getByRole("link", { name: "由哪个局办理？" }).click();
    await s.at(page, "由哪个局办理？");
    await s.cascade(page, "产品最终使用地行政区划", ["江苏省", "苏州市", "虎丘区"]);
    await s.fill(main, { "免办条款": "1. 科研测试", "贸易方式": "0110", "产品的 HS 编码": "8415101000" });
    await s.press(page, "查询");
    await page.getByRole("row").filter({ hasText: "受理" }).filter({ hasText: "苏州出入境检验检疫局" }).waitFor();
    await both(page, "20-delegation-tester");

    await s.menu(page, "业务下放");
    await main.getByRole("link", { name: "管辖区域" }).click();
    await page.getByText("各有且只有一个受理局").waitFor();
    await both(page, "20-jurisdictions");
  });

  journey("审计查询、校验、查阅记录", async ({ open, login, both }) => {
    const page = await open();
    const main = page.getByRole("main");
    await login(page, "认监委", "demo_cnca");
    await s.menu(page, "审计查询");
    await s.at(page, "审计查询");
    await both(page, "23-audit");
    await s.fill(main, { "申请单号": "MB1" });
    await s.press(page, "查询");
    await page.getByRole("alert").getByRole("link", { name: /没有这个申请单号/ }).waitFor();
    await both(page, "23-audit-errors");
    await s.fill(main, { "申请单号": "", "操作": "发证" });
    await s.press(page, "查询");
    await page.getByRole("row").filter({ hasText: "待发证 → 已发证" }).first().waitFor();
    await main.getByRole("link", { name: /^校验 申请 MB/ }).first().click();
    await page.getByText("首尾相连").waitFor();
    await both(page, "23-audit-chain");
    await main.getByRole("link", { name: "返回", exact: true }).click();
    await main.getByRole("link", { name: "查阅记录" }).click();
    await s.at(page, "查阅记录");
    await both(page, "23-readings");
  });
});
