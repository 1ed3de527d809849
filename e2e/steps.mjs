// What people do on the pages, told once for all journeys. Speaks by the labels a person reads.
import assert from "node:assert/strict";
import { DEMO_PASSWORD } from "./server.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").Locator} Locator */
/** @typedef {Record<string, string>} Values label → what is typed or chosen */
/** @typedef {(name: string) => Promise<void>} Look called on every page that a step passes */
/** @typedef {{ user: string, code: string, written: string, name: string, mail: string }} Company */

/** @type {Look} */
const glance = async () => {};

/** The check character of GB 11714. @param {string} first eight characters 0–9 A–Z */
export function checkCharacter(first) {
  const weights = [3, 7, 9, 10, 5, 8, 4, 2];
  const sum = [...first].reduce((n, c, i) => n + parseInt(c, 36) * weights[i], 0);
  return "0123456789X0"[11 - (sum % 11)];
}

let companies = 0;
/** A company that nobody registered before, also in a second run on the same database. @returns {Company} */
export function newCompany() {
  const moment = (Date.now() * 10 + companies++).toString(36).toUpperCase().slice(-8);
  const code = moment + checkCharacter(moment);
  const user = `shili_${moment.toLowerCase()}`;
  return { user, code, written: `${moment}-${code[8]}`, name: "示例电器(上海)有限公司", mail: `${user}@example.com` };
}

/** The password of all that register in journeys. */
export const PASSWORD = DEMO_PASSWORD;

/** A PDF of one empty page. */
export const PDF = Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");

/** A field by its label; cards may bear the same words. @param {Page | Locator} form @param {string} label */
export const field = (form, label) => form.getByLabel(label, { exact: true }).and(form.locator("input, select, textarea"));

/** Fills in fields of all kinds by their labels. @param {Page | Locator} form @param {Values} values */
export async function fill(form, values) {
  for (const [label, value] of Object.entries(values)) {
    const one = field(form, label);
    const kind = await one.evaluate((e) => (e.matches("select") ? "list" : e.matches("[role=combobox]") ? "search" : e.matches("[type=checkbox]") ? "tick" : "text"));
    if (kind === "list") await one.selectOption({ label: value });
    else if (kind === "tick") await one.setChecked(value !== "");
    else if (kind === "text") await one.fill(value);
    else {
      await one.focus();
      await one.press("ArrowDown");
      await form.getByRole("listbox").waitFor();
      await one.fill(value);
      const found = form.getByRole("listbox").getByRole("option");
      await found.filter({ hasNotText: value }).first().waitFor({ state: "detached" });
      await found.filter({ hasText: value }).first().click();
      await form.getByRole("listbox").waitFor({ state: "hidden" });
    }
  }
}

/** The three levels of 行政区划, or the two of 口岸. */
const LEVELS = { 3: ["省（自治区、直辖市）", "市", "区（县）"], 2: ["关区", "口岸"] };

/**
 * Chooses through a cascade, as the lists arrive; without script 刷新 asks for the next list.
 * @param {Page} page @param {string} legend @param {string[]} path @param {{ javaScript?: boolean }} [options]
 */
export async function cascade(page, legend, path, { javaScript = true } = {}) {
  const group = page.getByRole("group", { name: legend });
  const labels = LEVELS[/** @type {2 | 3} */ (path.length)];
  for (const [n, choice] of path.entries()) {
    const select = group.getByLabel(labels[n], { exact: true });
    const before = await select.elementHandle();
    if (javaScript) await select.focus();
    await select.selectOption({ label: choice });
    if (n === path.length - 1) return;
    if (!javaScript) {
      await group.getByRole("button", { name: "刷新" }).click();
      continue;
    }
    await before?.waitForElementState("hidden");
    assert.equal(await select.inputValue(), await select.locator("option", { hasText: choice }).first().getAttribute("value"));
    assert.equal(await select.evaluate((e) => document.activeElement === e), true, `the focus stays on ${labels[n]} when the next list arrives`);
  }
}

/** Follows an entry of the side menu, through the drawer on a phone. @param {Page} page @param {string} entry */
export async function menu(page, entry) {
  const drawer = page.getByRole("button", { name: "打开菜单" });
  if (await drawer.isVisible()) await drawer.click();
  await page.getByRole("navigation", { name: "操作菜单" }).getByRole("link", { name: new RegExp(`^${entry}(\\s*\\d+\\s*件待办)?$`) }).click();
}

/** Presses a button and waits for the next page. @param {Page} page @param {string} name @param {Page | Locator} [where] */
export async function press(page, name, where = page.getByRole("main")) {
  await where.getByRole("button", { name, exact: true }).click();
}

/** Waits for a page by its heading. @param {Page} page @param {string | RegExp} heading */
export async function at(page, heading) {
  await page.getByRole("heading", { level: 1, name: heading }).waitFor({ state: "attached" });
  // Keys pressed before the scripts are there would change a choice without what follows from it.
  await page.waitForLoadState("load");
}

/** The particulars of a registration. @param {Company} company @returns {Values} */
export const particulars = (company) => ({
  "用户名": company.user,
  "密码": PASSWORD,
  "确认密码": PASSWORD,
  "申请单位": company.name,
  "申请单位邮编": "200000",
  "申请单位地址": "上海市浦东新区示例路 100 号",
  "单位性质": "进口商",
  "联系人": "张示例",
  "联系电话": "021-00000000",
  "联系人邮箱": company.mail,
});

/** What all users of a code share, as far as it must be filled in. */
const SHARED = ["申请单位", "申请单位邮编", "申请单位地址"];

/** 首页 → 注册 → 我同意 → 组织机构代码 → the page of 注册资料. @param {Page} page @param {string} code @param {Look} [look] */
export async function enterCode(page, code, look = glance) {
  await page.goto(new URL("/", page.url()).href);
  await look("01-home");
  await page.getByRole("main").getByRole("link", { name: "注册", exact: true }).click();
  await at(page, "注册用户声明");
  await look("02a-register-declaration");
  await press(page, "我同意");
  await at(page, "填写组织机构代码");
  await field(page, "组织机构代码").fill(code);
  await look("02b-register-orgcode");
  await press(page, "注册");
  await at(page, "填写注册资料");
}

/** The whole registration, then the log-in on its last page; ends on 主页. @param {Page} page @param {Company} company @param {Look} [look] */
export async function register(page, company, look = glance) {
  await enterCode(page, company.written, look);
  await fillParticulars(page, company, look);
}

/** From the page of 注册资料 on. @param {Page} page @param {Company} company @param {Look} [look] */
export async function fillParticulars(page, company, look = glance) {
  const own = particulars(company);
  // A known code brings the shared fields, read-only.
  for (const label of SHARED) if (!(await field(page, label).isEditable())) delete own[label];
  await fill(page.getByRole("main"), own);
  await cascade(page, "所在地行政区划", ["上海市", "市辖区", "浦东新区"]);
  await look("02c-register-form");
  await press(page, "注册");
  await at(page, "注册成功");
  await look("02e-registered");
  await page.getByRole("radio", { name: "企业" }).check({ force: true });
  await fill(page.getByRole("main"), { "用户名": company.user, "密码": PASSWORD });
  await press(page, "登录");
  await at(page, company.name);
  await proveMailbox(page, company);
  await look("03-enterprise-home");
}

/** 邮箱验证 with the code of the letter, which a demonstration shows on the page; ends on 主页. @param {Page} page @param {Company} company */
export async function proveMailbox(page, company) {
  await page.getByRole("main").getByRole("link", { name: "邮箱验证", exact: true }).click();
  await at(page, "邮箱验证");
  const letter = await page.getByRole("region", { name: "演示：邮件内容" }).innerText();
  const code = /验证码：(\S+)/.exec(letter)?.[1] ?? "";
  await fill(page.getByRole("main"), { "验证码": code });
  await press(page, "验证");
  await at(page, company.name);
}

/** 新申请 → 申请人声明 → 条款和贸易方式; ends on 申请基本信息. @param {Page} page @param {Look} [look] */
export async function openDraft(page, look = glance) {
  await menu(page, "新申请");
  await at(page, "申请人声明");
  await look("04a-application-declaration");
  await declare(page, look);
}

/** 我同意 → 条款和贸易方式; ends on 申请基本信息. @param {Page} page @param {Look} [look] */
export async function declare(page, look = glance) {
  await press(page, "我同意");
  await at(page, "免办条款和贸易方式");
  await page.getByRole("group", { name: "免办条款" }).getByRole("radio", { name: "为科研、测试所需的产品" }).check();
  await field(page, "贸易方式").click();
  await page.getByRole("listbox").waitFor();
  await look("04b-trade-list");
  await fill(page.getByRole("main"), { "贸易方式": "一般贸易" });
  await look("04b-clause-trade");
  await press(page, "保存并进入下一步");
  await at(page, "申请基本信息");
}

/** @type {Values} */
export const BASICS = {
  "产品最终使用地（地址）": "示例科技园 3 号楼 2 层",
  "使用单位": "示例电器(上海)有限公司",
  "使用单位联系人": "张示例",
  "使用单位联系电话": "021-00000000",
  "用途及免办理由": "用于新一代房间空气调节器能效对比测试，测试完成后退运。",
  "后续处理方式": "退运",
};

/** Fills in 申请基本信息; ends on 附表产品信息. @param {Page} page @param {Values} [more] @param {Look} [look] */
export async function fillBasics(page, more = {}, look = glance) {
  await cascade(page, "产品最终使用地行政区划", ["上海市", "市辖区", "浦东新区"]);
  await fill(page.getByRole("main"), { ...BASICS, ...more });
  await look("05-basic-info");
  await press(page, "保存并进入下一步");
  await at(page, "附表产品信息");
}

/** @type {Values} */
export const PRODUCT = {
  "需免办产品名称": "窗式空调器样机",
  "规格型号": "KC-26/ZW-T1",
  "商标": "演示品牌",
  "生产厂名": "示例工厂",
  "原产国": "德国",
  "数量/重量": "12",
  "数量/重量单位": "台",
  "HS 标准量": "12",
  "币制": "欧元",
  "单价": "100.20",
  "总价": "1202.40",
};

/** 产品特性 of 8415101000. @type {Values} */
export const AIR_CONDITIONER = { "安装方式": "窗式", "独立式或分体式": "独立式", "制冷量": "2200", "额定电压": "220", "制冷剂": "R32" };
/** 产品特性 of 8418500000. @type {Values} */
export const REFRIGERATOR = { "结构类型": "展示柜", "容积": "320", "制冷方式": "压缩式", "额定电压": "220" };

/** 添加 a product by its exact code, 保存并关闭; ends on 附表产品信息. @param {Page} page @param {Values} [more] */
export async function addProduct(page, more = {}) {
  await page.getByRole("main").getByRole("link", { name: "添加", exact: true }).first().click();
  await at(page, "选择免办产品");
  await field(page, "编码").fill("8415101000");
  await press(page, "查询");
  await at(page, "免办产品信息");
  await fill(page.getByRole("main"), { ...PRODUCT, ...AIR_CONDITIONER, ...more });
  await press(page, "保存并关闭");
  await at(page, "附表产品信息");
}

/** The card of a kind of attachment. @param {Page} page @param {string} kind */
export const cardOf = (page, kind) => page.getByRole("region").filter({ has: page.getByRole("heading", { level: 2 }).getByText(kind, { exact: true }) });

/** Uploads files of one kind and waits for their rows. @param {Page} page @param {string} kind @param {string[]} paths */
export async function upload(page, kind, paths) {
  const card = cardOf(page, kind);
  const rows = card.getByRole("listitem");
  const before = await rows.count();
  await card.getByLabel(`浏览${kind}文件`).setInputFiles(paths);
  await card.getByText(`已选择 ${paths.length} 个文件`).waitFor();
  await card.getByRole("button", { name: "上传附件" }).click();
  await card.getByText("上传结束，可继续选择文件").waitFor();
  assert.equal(await rows.count(), before + paths.length);
}

/** The kinds that 条款 1 asks for in any case. */
export const REQUIRED_KINDS = ["营业执照", "责任担保书", "符合性声明/型式试验报告", "科研测试计划/展示方案"];

/** @typedef {import("./harness.mjs").Tools} Tools */

/** A complete draft, submitted; says its 申请单号. @param {Page} page @param {Tools["file"]} file @param {Values} [basics] */
export async function fileApplication(page, file, basics = {}) {
  await openDraft(page);
  await fillBasics(page, basics);
  await addProduct(page);
  await page.getByRole("link", { name: "查看申请附件信息" }).click();
  await at(page, "申请附件信息");
  for (const kind of REQUIRED_KINDS) await upload(page, kind, [file("材料.pdf", PDF)]);
  return submit(page);
}

/** 提交申请 on any page of a complete draft; says the 申请单号. @param {Page} page */
export async function submit(page) {
  await press(page, "提交申请");
  await at(page, "提交成功");
  const sentence = await page.getByRole("status").filter({ hasText: "提交成功" }).innerText();
  const number = /MB\d{19}/.exec(sentence)?.[0];
  assert.ok(number, sentence);
  return number;
}

/** The row of an application in the list on the page. @param {Page} page @param {string} what */
export const rowOf = (page, what) => page.getByRole("row").filter({ hasText: what });

/** The company's list, looked up by number: its row. @param {Page} page @param {string} number */
export async function findMine(page, number) {
  await menu(page, "查看申请列表");
  await at(page, "申请列表");
  await field(page, "申请单号").fill(number);
  await press(page, "查询");
  await page.getByText("共 1 条").first().waitFor();
  return rowOf(page, number);
}

/** An officer's worklist of a post, the case looked up by number and opened. @param {Page} page @param {string} post @param {string} number @param {Look} [look] */
export async function openCase(page, post, number, look = glance) {
  await menu(page, post);
  await at(page, `${post}待办`);
  await field(page, "申请单号").fill(number);
  await press(page, "查询");
  await page.getByText("共 1 条").first().waitFor();
  await look("worklist");
  await rowOf(page, number).getByRole("link", { name: `办理 ${number}` }).click();
  await at(page, `${post}办理 ${number}`);
}

/** 提交意见 on the open page of a case. @param {Page} page @param {string} decision @param {Values} [values] */
export async function decide(page, decision, values = {}) {
  await page.getByRole("group", { name: "处理结果" }).getByRole("radio", { name: new RegExp(`^${decision}\\b|^${decision}\\s`) }).check();
  await fill(page.getByRole("main"), values);
  await press(page, "提交意见");
  await page.getByRole("status").filter({ hasText: "已提交意见" }).waitFor();
}

/** Answers the next question of the browser itself; says its kind. @param {Page} page @param {boolean} yes */
export async function answerDialog(page, yes) {
  const dialog = await page.waitForEvent("dialog");
  await (yes ? dialog.accept() : dialog.dismiss());
  return dialog.type();
}

/** Presses Tab until something has the focus. @param {Page} page @param {Locator} target */
export async function tabTo(page, target) {
  for (let n = 0; n < 150; n++) {
    await page.keyboard.press("Tab");
    if (await target.evaluateAll((found) => found.some((e) => e === document.activeElement))) return;
  }
  assert.fail(`Tab never reaches ${target}`);
}
