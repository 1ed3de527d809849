// 账号管理, 公告管理, 基础数据: the desks that keep the system itself.
import assert from "node:assert/strict";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

together("系统管理", () => {
  // R-C-06
  journey("局系统管理员新增账号，本人首次登录改密码，随后停用", async ({ open, login, both }) => {
    const admin = await open();
    await login(admin, "检验检疫局", "demo_bureau");
    await s.menu(admin, "账号管理");
    await s.at(admin, "账号管理");
    await both(admin, "30-accounts");
    await admin.getByRole("link", { name: "新增账号" }).click();
    await s.press(admin, "保存");
    await admin.getByRole("alert").filter({ hasText: "请填写用户名" }).waitFor();
    await both(admin, "30-account-faulty");
    const user = `sh_${Date.now().toString(36)}`;
    await s.fill(admin.getByRole("main"), { "用户名": user, "姓名": "李示例", "受理": "是", "初审": "是" });
    await s.press(admin, "保存");
    await s.at(admin, "一次性密码");
    await both(admin, "30-one-time");
    const password = await admin.locator(".codes .code").innerText();
    await admin.getByRole("link", { name: "已告知，返回" }).click();
    await both(admin, "30-account");

    const officer = await open("/login");
    await officer.getByRole("radio", { name: "检验检疫局" }).check({ force: true });
    await s.fill(officer.getByRole("main"), { "用户名": user, "密码": password });
    await s.press(officer, "登录");
    await officer.getByText("您使用一次性密码登录").waitFor();
    await s.fill(officer.getByRole("main"), { "新密码": s.PASSWORD, "确认新密码": s.PASSWORD });
    await s.press(officer, "保存");
    await officer.getByText("密码已修改").waitFor();

    await s.fill(admin.getByRole("main"), { "原因": "调离本局" });
    await admin.getByRole("button", { name: "停用", exact: true }).click();
    await admin.getByRole("dialog").getByRole("button", { name: "停用" }).click();
    await admin.getByText("账号已停用，登录已全部退出").waitFor();
    await officer.goto(new URL("/casework", officer.url()).href);
    await s.at(officer, "登录");
  });

  // R-C-01
  journey("认监委撰写、预览、发布、撤回公告", async ({ open, login, both, file }) => {
    const cnca = await open();
    await login(cnca, "认监委", "demo_cnca");
    await s.menu(cnca, "公告管理");
    await s.at(cnca, "公告管理");
    await both(cnca, "19b-announcements");
    await cnca.getByRole("link", { name: "添加" }).click();
    const title = `关于规范申请材料的通知 ${Date.now().toString(36)}`;
    const body = "# 一、范围\n\n**请注意**：即日起施行。\n\n- 甲\n- 乙\n\n| 项目 | 说明 |\n|---|---|\n| 一 | 二 |\n\n[办前自查](/pre-check)";
    await s.fill(cnca.getByRole("main"), { "标题": title, "栏目": "通知", "正文": body, "置顶显示": "是" });
    await s.press(cnca, "预览");
    await cnca.getByRole("heading", { name: "一、范围" }).waitFor();
    await both(cnca, "19b-preview");
    await s.press(cnca, "保存");
    await cnca.getByText("已保存").waitFor();
    await cnca.getByLabel("选择附件").setInputFiles(file("申请书模板.txt", 900));
    await s.press(cnca, "上传附件");
    await cnca.getByText("已上传 1 个附件").waitFor();
    await s.press(cnca, "发布公告");
    await cnca.getByText("已发布，公共首页现在显示").waitFor();
    await both(cnca, "19b-announcement");

    const visitor = await open("/");
    await visitor.getByRole("link", { name: title }).click();
    await s.at(visitor, title);
    await both(visitor, "01-bulletin-marked");
    const [download] = await Promise.all([
      visitor.waitForEvent("download"),
      visitor.getByRole("link", { name: "申请书模板.txt" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), "申请书模板.txt");

    await s.fill(cnca.getByRole("main"), { "撤回原因": "内容有误" });
    await cnca.getByRole("button", { name: "撤回", exact: true }).click();
    await cnca.getByRole("dialog").getByRole("button", { name: "撤回" }).click();
    await cnca.getByText("已撤回，公共首页不再显示").waitFor();
    await visitor.goto(new URL("/", visitor.url()).href);
    assert.equal(await visitor.getByRole("link", { name: title }).count(), 0);
  });

  // R-C-02, R-C-04
  journey("认监委修改基础数据，指定生效日期，再取消", async ({ open, login, both }) => {
    const cnca = await open();
    await login(cnca, "认监委", "demo_cnca");
    await s.menu(cnca, "基础数据");
    await s.at(cnca, "HS 产品类型");
    await both(cnca, "31-reference");
    await cnca.getByRole("link", { name: "免办条款" }).click();
    await s.at(cnca, "免办条款");
    await cnca.getByRole("link", { name: "9", exact: true }).click();
    await both(cnca, "31-clause");
    await s.fill(cnca.getByRole("main"), { "简称": "新简称", "生效日期": "2099-01-01" });
    await s.press(cnca, "保存");
    await cnca.getByText("将于 2099-01-01 生效").first().waitFor();
    await both(cnca, "31-clause-pending");
    await cnca.getByRole("button", { name: "取消待生效的修改" }).click();
    await cnca.getByRole("dialog").getByRole("button", { name: "取消修改" }).click();
    await cnca.getByText("已取消待生效的修改").waitFor();
    await cnca.goto(new URL("/reference/hs-types/8415101000", cnca.url()).href);
    await both(cnca, "31-hs-type");
    await cnca.getByRole("link", { name: "附件要求" }).click();
    await s.at(cnca, "附件要求");
    await both(cnca, "31-attachment-rules");
  });
});
