// A draft as people write it: over days, by keyboard alone, with pictures that are too large and a network that fails.
import assert from "node:assert/strict";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

/** @typedef {import("playwright-core").Page} Page */

const DAY = 24 * 3_600_000;

/** Signs in on the page that stands there. @param {Page} page @param {string} user */
async function signIn(page, user) {
  await page.goto(new URL("/login", page.url()).href);
  await s.fill(page.getByRole("main"), { "用户名": user, "密码": s.PASSWORD });
  await s.press(page, "登录");
  await page.waitForURL("**/main");
}

// R-2.3-01, R-2.3-02, R-2.3-04, R-2.3-05, R-2.3-06, D8
journey("一份申请填写三天，中间登录失效，最后提交", async (tools) => {
  const start = Date.now();
  const at = (/** @type {number} */ after) => tools.setClock(new Date(start + after).toISOString());
  const company = s.newCompany();
  const page = await tools.open("/");
  const main = page.getByRole("main");
  try {
    await s.register(page, company);
    await s.openDraft(page);
    await s.fillBasics(page);

    // The next morning the session is over; the draft is where it was.
    at(DAY);
    await s.menu(page, "查看申请列表");
    await s.at(page, /登录/);
    await signIn(page, company.user);
    await s.menu(page, "查看申请列表");
    const row = page.getByRole("row").filter({ hasText: "未提交" });
    await row.getByText(/剩余 (9 天|8 天 23 小时)/).waitFor();
    await tools.both(page, "10-list-second-day");
    await row.getByRole("link", { name: /^修改/ }).click();
    await s.at(page, "申请基本信息");
    assert.equal(await s.field(page, "用途及免办理由").inputValue(), s.BASICS["用途及免办理由"]);
    await main.getByRole("link", { name: "查看申请产品信息" }).click();
    await main.getByRole("link", { name: "添加", exact: true }).first().click();
    await s.field(page, "编码").fill("8415101000");
    await s.press(page, "查询");
    await s.at(page, "免办产品信息");
    await s.fill(main, { ...s.PRODUCT, ...s.AIR_CONDITIONER });
    // A long telephone call.
    at(DAY + 40 * 60_000);
    await s.press(page, "保存并关闭");
    await s.at(page, "登录已失效");
    await s.fill(main, { "用户名": company.user, "密码": s.PASSWORD });
    await s.press(page, "重新登录");
    await s.at(page, "继续提交");
    await s.press(page, "继续提交");
    await page.getByText("已保存产品“窗式空调器样机”").waitFor();

    at(2 * DAY + 3_600_000);
    await signIn(page, company.user);
    await s.menu(page, "查看申请列表");
    await page.getByRole("row").filter({ hasText: "未提交" }).getByRole("link", { name: /^修改/ }).click();
    await main.getByRole("link", { name: "查看申请附件信息" }).click();
    await s.at(page, "申请附件信息");
    for (const kind of s.REQUIRED_KINDS) await s.upload(page, kind, [tools.file("材料.pdf", s.PDF)]);
    const number = await s.submit(page);
    assert.match(number, /^MB/);
    await s.menu(page, "查看申请列表");
    await page.getByRole("row").filter({ hasText: number }).getByText("受理中").waitFor();
  } finally {
    tools.resetClock();
  }
});

together("填写一份申请", () => {
  journey("只用键盘填写基本信息和产品", async (tools) => {
    const company = s.newCompany();
    const page = await tools.open("/");
    await s.register(page, company);
    const main = page.getByRole("main");
    const key = (/** @type {string} */ name) => page.keyboard.press(name);
    const button = (/** @type {string} */ name) => main.getByRole("button", { name, exact: true });
    /** @param {string} label @param {string} text */
    const type = async (label, text) => {
      await s.tabTo(page, s.field(page, label));
      await page.keyboard.type(text);
    };
    /** A plain list: down from its top. @param {string} label @param {string} entry */
    const choose = async (label, entry) => {
      const list = s.field(page, label);
      const chosen = () => list.evaluate((e) => /** @type {HTMLSelectElement} */ (e).selectedOptions[0].label);
      await s.tabTo(page, list);
      await key("Home");
      for (let n = 0; n < 60 && (await chosen()) !== entry; n++) await key("ArrowDown");
      assert.equal(await chosen(), entry);
    };
    /** A list with a search. @param {string} label @param {string} text */
    const search = async (label, text) => {
      await s.tabTo(page, s.field(page, label));
      await key("ArrowDown");
      await page.keyboard.type(text);
      const found = main.getByRole("listbox").getByRole("option");
      await found.filter({ hasNotText: text }).first().waitFor({ state: "detached" });
      await key("Enter");
    };

    await s.tabTo(page, page.getByRole("link", { name: "新申请", exact: true }));
    await key("Enter");
    await s.at(page, "申请人声明");
    await s.tabTo(page, button("我同意"));
    await key("Enter");
    await s.at(page, "免办条款和贸易方式");
    await s.tabTo(page, page.getByRole("group", { name: "免办条款" }).getByRole("radio"));
    await key("Space");
    await search("贸易方式", "一般贸易");
    await s.tabTo(page, button("保存并进入下一步"));
    await key("Enter");
    await s.at(page, "申请基本信息");
    for (const [level, entry] of [["省（自治区、直辖市）", "上海市"], ["市", "市辖区"], ["区（县）", "浦东新区"]]) {
      await main.getByRole("group", { name: "产品最终使用地行政区划" }).getByLabel(level, { exact: true }).locator("option", { hasText: entry }).first().waitFor({ state: "attached" });
      await choose(level, entry);
    }
    for (const label of ["产品最终使用地（地址）", "使用单位", "使用单位联系人", "使用单位联系电话", "用途及免办理由"]) {
      await s.tabTo(page, s.field(page, label));
      await key("Control+a");
      await page.keyboard.type(s.BASICS[label]);
    }
    await choose("后续处理方式", "退运");
    await s.tabTo(page, button("保存并进入下一步"));
    await key("Enter");
    await s.at(page, "附表产品信息");
    await s.tabTo(page, main.getByRole("link", { name: "添加", exact: true }).first());
    await key("Enter");
    await s.at(page, "选择免办产品");
    await type("编码", "8415101000");
    await key("Enter");
    await s.at(page, "免办产品信息");
    for (const label of ["需免办产品名称", "规格型号", "商标", "生产厂名"]) await type(label, s.PRODUCT[label]);
    await search("原产国", "德国");
    await type("数量/重量", "12");
    await type("HS 标准量", "12");
    await type("单价", "100.20");
    await type("总价", "1202.40");
    await search("币制", "欧元");
    for (const [label, value] of Object.entries(s.AIR_CONDITIONER)) {
      const isList = await s.field(page, label).evaluate((e) => e.matches("select"));
      await (isList ? choose(label, value) : type(label, value));
    }
    await s.tabTo(page, button("保存并关闭"));
    await key("Enter");
    await page.getByText("已保存产品“窗式空调器样机”").waitFor();
  });

  // R-2.1.3-10, R-2.1.3-11
  journey("附件：过大的图片缩小后上传，断网后重试", async (tools) => {
    const company = s.newCompany();
    const page = await tools.open("/");
    await s.register(page, company);
    await s.openDraft(page);
    await page.getByRole("main").getByRole("link", { name: "查看申请附件信息" }).click();
    await s.at(page, "申请附件信息");
    // A picture of noise hardly shrinks by compression: 7 MB and more.
    const bytes = await page.evaluate(async () => {
      const canvas = document.createElement("canvas");
      canvas.width = 3000;
      canvas.height = 2400;
      const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      const noise = pen.createImageData(canvas.width, canvas.height);
      for (let i = 0; i < noise.data.length; i++) noise.data[i] = (i * 2654435761) >>> 13;
      pen.putImageData(noise, 0, 0);
      const made = /** @type {Blob} */ (await new Promise((taken) => canvas.toBlob(taken, "image/png")));
      const text = new Uint8Array(await made.arrayBuffer());
      return Array.from(text);
    });
    const large = Buffer.from(bytes);
    const padded = large.length > 5_300_000 ? large : Buffer.concat([large, Buffer.alloc(5_300_000 - large.length)]);
    const photos = s.cardOf(page, "技术资料/照片");
    await photos.getByLabel("浏览技术资料/照片文件").setInputFiles(tools.file("样机照片.png", padded));
    const offer = photos.getByRole("checkbox", { name: /缩小图片后上传/ });
    assert.ok(await offer.isChecked(), "what is too large is made smaller, unless the user says no");
    await tools.both(page, "08-attachments-large-picture");
    await offer.uncheck();
    await photos.getByRole("button", { name: "上传附件" }).click();
    await photos.getByText("文件过大").waitFor();
    await photos.getByRole("button", { name: "移除 样机照片.png" }).click();
    await photos.getByLabel("浏览技术资料/照片文件").setInputFiles(tools.file("样机照片.png", padded));
    await photos.getByRole("button", { name: "上传附件" }).click();
    await photos.getByRole("link", { name: "样机照片.jpg", exact: true }).waitFor();

    tools.expectProblem(/ERR_INTERNET_DISCONNECTED|Failed to load resource/);
    const other = s.cardOf(page, "其他");
    await page.context().setOffline(true);
    await other.getByLabel("浏览其他文件").setInputFiles(tools.file("说明.txt", Buffer.from("说明")));
    await other.getByRole("button", { name: "上传附件" }).click();
    await other.getByText("没有上传成功，请检查网络").waitFor();
    await tools.both(page, "08-attachments-offline");
    await page.context().setOffline(false);
    await other.getByRole("button", { name: "重试 说明.txt" }).click();
    await other.getByRole("link", { name: "说明.txt", exact: true }).waitFor();
    assert.equal(await other.getByText("没有上传成功").count(), 0);
  });
});
