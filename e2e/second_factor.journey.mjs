// 两步验证: switched on, asked for at the log-in, replaced by a recovery code, switched off; 邮件通知.
import assert from "node:assert/strict";
import { shows } from "./authenticator.mjs";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** The password step. @param {Page} page @param {string} user */
async function password(page, user) {
  await page.goto(new URL("/login", page.url()).href);
  await s.fill(page.getByRole("main"), { "用户名": user, "密码": s.PASSWORD });
  await s.press(page, "登录");
  await s.at(page, "两步验证");
}

together("两步验证", () => {
  journey("两步验证：启用，凭验证码和恢复码登录，停用", async ({ open, both }) => {
    const company = s.newCompany();
    const page = await open("/");
    await s.register(page, company);
    await page.getByLabel(`当前用户：${company.user}`).click();
    await page.getByRole("banner").getByRole("link", { name: "两步验证" }).click();
    await s.at(page, "两步验证");
    await s.press(page, "开始设置");
    await page.getByRole("alert").filter({ hasText: "请填写密码" }).waitFor();
    await both(page, "23-second-factor-off");
    await s.fill(page.getByRole("main"), { "密码": s.PASSWORD });
    await s.press(page, "开始设置");
    await page.getByRole("img", { name: "两步验证的二维码" }).waitFor();
    await both(page, "23-second-factor-pending");
    const secret = await page.locator(".enrol strong").innerText();
    await s.fill(page.getByRole("main"), { "验证码": shows(secret, -1) });
    await s.press(page, "启用");
    await s.at(page, "恢复码");
    await both(page, "23-second-factor-codes");
    const codes = await page.locator(".codes li").allInnerTexts();
    assert.equal(codes.length, 10);
    await page.getByRole("link", { name: "已保存，返回" }).click();
    await page.getByText("10 个").waitFor();
    await both(page, "23-second-factor-on");

    const other = await open("/");
    await password(other, company.user);
    await s.press(other, "登录");
    await other.getByRole("alert").filter({ hasText: "请填写验证码" }).waitFor();
    await both(other, "23-second-factor-login");
    await s.fill(other.getByRole("main"), { "验证码": shows(secret, 0) });
    await s.press(other, "登录");
    await other.waitForURL("**/main");

    const third = await open("/");
    await password(third, company.user);
    await s.fill(third.getByRole("main"), { "验证码": codes[0] });
    await s.press(third, "登录");
    await third.waitForURL("**/main");
    await third.goto(new URL("/profile/second-factor", third.url()).href);
    await third.getByText("9 个").waitFor();
    const off = third.getByRole("region", { name: "停用两步验证" });
    await s.fill(off, { "密码": s.PASSWORD, "验证码或恢复码": codes[1] });
    await s.press(third, "停用", off);
    await third.getByRole("status").filter({ hasText: "两步验证已停用" }).waitFor();
  });

  journey("邮件通知：选择和记录", async ({ open, login, go, both }) => {
    const page = await open();
    await login(page, "企业", "demo_enterprise");
    await go(page, "/profile/letters");
    await s.at(page, "邮件通知");
    await page.getByRole("cell", { name: /已发送/ }).first().waitFor();
    await both(page, "24-letters");
  });
});
