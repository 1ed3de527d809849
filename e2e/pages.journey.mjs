// Every page that the other journeys do not pass, at a desk and on a phone.
import assert from "node:assert/strict";
import { journey, together, DESK, PHONE } from "./harness.mjs";
import * as s from "./steps.mjs";

together("其他页面", () => {
  journey("公开的页面", async ({ open, both, go }) => {
    const page = await open("/");
    await page.getByText("演示账号").click();
    await page.getByText("demo_enterprise").waitFor();
    await both(page, "01-home-accounts");
    await page.getByRole("link", { name: "查看全部公告" }).click();
    await s.at(page, "通知公告");
    await both(page, "01-bulletins");
    await page.getByRole("link", { name: "关于启用 CCC 免办电子审批系统的通知" }).click();
    await s.at(page, "关于启用 CCC 免办电子审批系统的通知");
    await both(page, "01-bulletin");

    await page.getByRole("navigation", { name: "网站导航" }).getByRole("link", { name: "证明核验" }).click();
    await s.at(page, "证明公开核验");
    await both(page, "12-verification-empty");
    await s.press(page, "核验证明");
    await page.getByRole("alert").filter({ hasText: "有 2 处" }).waitFor();
    await s.fill(page.getByRole("main"), { "证明号": "31000020260000000", "核验码": "AAAAAAAA" });
    await s.press(page, "核验证明");
    await page.getByRole("alert").getByText("没有与该证明号和核验码相符的证明").waitFor();
    await both(page, "12-verification-unknown");

    await page.getByRole("navigation", { name: "网站导航" }).getByRole("link", { name: "登录" }).click();
    await s.at(page, "登录");
    await both(page, "01-login");
    await s.fill(page.getByRole("main"), { "用户名": s.newCompany().user, "密码": "not-the-password-1" });
    await s.press(page, "登录");
    await page.getByRole("alert").filter({ hasText: "用户类型、用户名或密码不正确" }).waitFor();
    await both(page, "01-login-failed");

    const missing = await go(page, "/no-such-page");
    assert.equal(missing.status(), 404);
    await s.at(page, "没有找到该页面或记录");
    await both(page, "21b-error-404");
  });

  journey("申请的查看、打印、产品、附件", async ({ open, login, both, shot, fits }) => {
    const page = await open();
    const main = page.getByRole("main");
    await login(page, "企业", "demo_enterprise");
    await both(page, "03-enterprise-home-busy");
    await s.menu(page, "查看申请列表");
    await both(page, "10-application-list-busy");
    await s.fill(main, { "申请单状态": "返回修改" });
    await s.press(page, "查询");
    await page.waitForURL(/state=returned/);
    await page.getByRole("row").filter({ hasText: "受理中" }).first().waitFor({ state: "detached" });
    await page.getByRole("link", { name: /^查看 MB/ }).first().click();
    await s.at(page, /^MB/);
    await both(page, "11-application-returned");
    await page.getByRole("region", { name: "附表产品，可横向滚动" }).getByRole("link").first().click();
    await page.getByRole("heading", { name: "产品特性" }).waitFor();
    await both(page, "11-product");
    await main.getByRole("link", { name: "返回", exact: true }).click();
    const paper = await page.getByRole("link", { name: /^打印申请/ }).getAttribute("href");
    const printed = await page.request.get(new URL(paper ?? "", page.url()).href);
    assert.equal(printed.headers()["content-type"], "application/pdf");
    assert.equal((await printed.body()).toString("latin1", 0, 5), "%PDF-");
    await page.getByRole("link", { name: "网页打印" }).click();
    await s.at(page, /^免于办理强制性产品认证申请单/);
    await both(page, "11-print");
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.getByRole("navigation", { name: "操作菜单" }).count(), 0, "the frame is not printed");
    assert.equal(await page.getByRole("button", { name: "打印申请" }).count(), 0);
    await page.setViewportSize({ width: 794, height: 1123 }); // A4
    await shot(page, "11-print-paper");
    await fits(page);
    await page.emulateMedia({ media: "screen" });
    await page.setViewportSize({ width: DESK, height: 900 });

    for (const [state, title] of [["拒绝受理", "审批未通过原因"], ["初审未通过", "审批未通过原因"], ["文件对比中_送纸质材料", "纸质材料对比通知"]]) {
      await s.menu(page, "查看申请列表");
      await s.fill(main, { "申请单状态": state });
      await s.press(page, "查询");
      await page.waitForURL(/state=/);
      await page.getByRole("row").getByRole("link", { name: state, exact: true }).first().click();
      await s.at(page, title);
      await both(page, `11-outcome-${state}`);
    }
    // 预览 of a file opens in a window of its own.
    await main.getByRole("link", { name: "查看", exact: true }).click();
    await s.at(page, /^MB/);
    const [preview] = await Promise.all([page.waitForEvent("popup"), page.getByRole("link", { name: /^预览/ }).first().click()]);
    assert.match(preview.url(), /\/attachments\/\d+\/preview$/);
  });

  journey("检验检疫局和认监委的页面", async ({ open, login, both, go }) => {
    const accept = await open();
    await login(accept, "检验检疫局", "demo_accept");
    await s.menu(accept, "受理");
    await s.at(accept, "受理待办");
    await both(accept, "16-worklist");
    await s.field(accept, "申请单号").fill("没有这个号");
    await s.press(accept, "查询");
    await accept.getByRole("heading", { name: "没有符合条件的单据" }).waitFor();
    await both(accept, "16-worklist-nothing");

    const chief = await open();
    await login(chief, "检验检疫局", "demo_bureau");
    await both(chief, "16-home-chief");
    await s.menu(chief, "强制终止");
    await s.at(chief, /^强制终止/);
    await both(chief, "16-worklist-terminate");

    const entry = await open();
    await login(entry, "检验检疫局", "demo_entry");
    await both(entry, "16-home-entry");
    await s.menu(entry, "补录申请");
    await s.at(entry, /^补录申请/);

    const cnca = await open();
    await login(cnca, "认监委", "demo_cnca");
    await both(cnca, "19a-cnca-home");
    await s.menu(cnca, "申请查询");
    await both(cnca, "19-cnca-applications");
    await cnca.getByRole("link", { name: /^查看 MB/ }).first().click();
    await s.at(cnca, /^MB/);
    await both(cnca, "19-cnca-application");
    await s.menu(cnca, "申请查询");
    await s.fill(cnca.getByRole("main"), { "申请单状态": "已发证" });
    await s.press(cnca, "查询");
    await cnca.waitForURL(/state=issued/);
    await cnca.getByRole("link", { name: /^证明 / }).first().click();
    await s.at(cnca, /^免办证明/);
    await both(cnca, "19-cnca-certificate");
    assert.equal((await go(cnca, "/applications/declaration")).status(), 403);
  });
});

journey("新企业的空列表，失效的登录，已变化的内容", async ({ open, both, check, go, setClock, resetClock }) => {
  const company = s.newCompany();
  const page = await open("/");
  await s.register(page, company);
  await s.menu(page, "查看申请列表");
  await page.getByRole("heading", { name: "还没有申请" }).waitFor();
  await both(page, "10-application-list-empty");
  await page.setViewportSize({ width: PHONE, height: 844 });
  await page.getByRole("button", { name: "打开菜单" }).click();
  await page.getByRole("link", { name: "主页", exact: true }).first().waitFor();
  await check(page, "03-drawer");
  await page.keyboard.press("Escape");
  assert.ok(await page.getByRole("button", { name: "打开菜单" }).evaluate((e) => e === document.activeElement), "Esc closes the drawer and gives the focus back");
  await page.setViewportSize({ width: DESK, height: 900 });
  await page.getByLabel(`当前用户：${company.user}`).click();
  await page.getByRole("banner").getByRole("link", { name: "返回主页" }).waitFor();
  await both(page, "03-user-menu");
  await page.keyboard.press("Escape");

  await s.menu(page, "新申请");
  await s.press(page, "我同意");
  await s.at(page, "免办条款和贸易方式");
  await s.press(page, "保存并进入下一步");
  await page.getByRole("alert").filter({ hasText: "有 2 处需要修改" }).waitFor();
  await both(page, "04b-clause-trade-errors");
  await s.openDraft(page);
  await s.press(page, "保存并进入下一步");
  await page.getByRole("alert").filter({ hasText: "处需要修改" }).waitFor();
  await both(page, "05-basic-info-errors");

  // The check list of a draft without anything, and an empty catalogue search.
  await page.getByRole("main").getByRole("link", { name: "查看申请产品信息" }).click();
  await s.at(page, "附表产品信息");
  await s.press(page, "提交申请");
  await page.getByRole("alert").filter({ hasText: "完善后才能提交" }).waitFor();
  await both(page, "09a-check-everything");
  await page.getByRole("alert").getByRole("link", { name: "请填写用途及免办理由" }).click();
  await s.at(page, "申请基本信息");
  await page.getByRole("main").getByRole("link", { name: "查看申请产品信息" }).click();
  await page.getByRole("main").getByRole("link", { name: "添加", exact: true }).first().click();
  await s.fill(page.getByRole("main"), { "名称": "没有这种产品" });
  await s.press(page, "查询");
  await page.getByRole("heading", { name: "没有符合条件的产品类型" }).waitFor();
  await both(page, "07a-hs-picker-nothing");

  // A draft that was deleted in another window.
  await s.menu(page, "查看申请列表");
  const other = await page.context().newPage();
  await other.goto(page.url());
  for (const window of [other, page]) {
    await window.getByRole("checkbox", { name: /^选择草稿/ }).check();
    await window.getByRole("main").getByRole("button", { name: /^删除/ }).click();
    await window.getByRole("dialog").getByRole("button", { name: "删除" }).click();
    if (window === other) await window.getByText("已删除 1 份").waitFor();
  }
  await s.at(page, "没有找到该页面或记录");
  await page.getByText("记录可能已删除").waitFor();
  assert.equal((await go(page, "/casework")).status(), 403);
  await s.at(page, "没有权限");
  await both(page, "21a-error-403");

  // The session ended while the page stood open.
  await go(page, "/applications/declaration");
  try {
    setClock(new Date(Date.now() + 31 * 60_000).toISOString());
    await s.press(page, "我同意");
    await s.at(page, "登录已失效");
    await both(page, "21d-session-ended");
    await go(page, "/applications?state=draft");
    await s.at(page, "登录");
    await s.fill(page.getByRole("main"), { "用户名": company.user, "密码": s.PASSWORD });
    await s.press(page, "登录");
    await page.waitForURL("**/applications?state=draft");
  } finally {
    resetClock();
  }
});
