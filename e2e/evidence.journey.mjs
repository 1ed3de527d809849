// The evidence on an officer's page: hints, history, papers beside the form, 文件对比 with scans.
import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("./harness.mjs").Tools} Tools */

/** A PNG of a frame with one dark corner, so that one sees how it is turned. @param {number} width @param {number} height */
function picture(width, height) {
  const table = Array.from({ length: 256 }, (_, n) => { let c = n; for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1; return c >>> 0; });
  const crc = (/** @type {Buffer} */ b) => { let c = ~0 >>> 0; for (const x of b) c = (table[(c ^ x) & 255] ?? 0) ^ (c >>> 8); return ~c >>> 0; };
  const chunk = (/** @type {string} */ kind, /** @type {Buffer} */ data) => {
    const body = Buffer.concat([Buffer.from(kind), data]), size = Buffer.alloc(4), sum = Buffer.alloc(4);
    size.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc(body));
    return Buffer.concat([size, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 0, 0, 0, 0], 8);
  const rows = Buffer.alloc((width + 1) * height, 0xee);
  for (let y = 0; y < height; y++) {
    rows[y * (width + 1)] = 0;
    for (let x = 0; x < width / 4 && y < height / 4; x++) rows[y * (width + 1) + 1 + x] = 0x30;
  }
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

/** An officer at a computer of their own. @param {Tools} tools @param {string} user */
async function officer({ open, login }, user) {
  const page = await open();
  await login(page, "检验检疫局", user);
  return page;
}

/** A complete application with a photo; says its number. @param {Page} page @param {Tools} tools */
async function withPhoto(page, { file }) {
  await s.openDraft(page);
  await s.fillBasics(page);
  await s.addProduct(page);
  await page.getByRole("link", { name: "查看申请附件信息" }).click();
  await s.at(page, "申请附件信息");
  for (const kind of s.REQUIRED_KINDS) await s.upload(page, kind, [file("材料.pdf", s.PDF)]);
  await s.upload(page, "技术资料/照片", [file("铭牌照片.png", picture(400, 240))]);
  return s.submit(page);
}

together("审核依据", () => {
  journey("风险提示和历史申请；附件在表单旁打开，填写的意见不丢失", async (tools) => {
    const page = await tools.open("/");
    await s.register(page, s.newCompany());
    const first = await withPhoto(page, tools);
    const second = await withPhoto(page, tools);
    const desk = await officer(tools, "demo_accept");
    await s.openCase(desk, "受理", second);

    const hints = desk.getByRole("region", { name: "风险提示" });
    await hints.getByText("已按同一免办条款").waitFor();
    await hints.getByText(first).first().waitFor();
    const history = desk.getByRole("region", { name: "历史申请" });
    await history.getByText("同单位").first().waitFor();
    assert.ok(await history.getByRole("link", { name: first }).first().isVisible());
    await tools.both(desk, "17-bureau-evidence");

    // The list of one kind, and back to the case.
    await history.locator("summary").filter({ hasText: "同单位" }).click();
    await history.getByRole("link", { name: "查看全部 1 份同单位申请" }).click();
    await s.at(desk, `历史申请 ${second}`);
    await s.rowOf(desk, first).waitFor();
    await tools.both(desk, "17-bureau-history");
    await desk.getByRole("link", { name: "返回单据" }).click();
    await s.at(desk, `受理办理 ${second}`);

    // A paper opens beside the form; what was typed stays.
    await s.field(desk, "意见").fill("正在核对附件。");
    const papers = desk.locator("#papers");
    const opener = desk.getByRole("link", { name: /^并排查看 铭牌照片/ });
    await opener.click();
    await papers.getByRole("heading", { name: "技术资料/照片" }).waitFor();
    assert.equal(await s.field(desk, "意见").inputValue(), "正在核对附件。");
    await papers.getByRole("img").waitFor();
    assert.ok(await papers.getByRole("img").evaluate((/** @type {HTMLImageElement} */ i) => i.complete && i.naturalWidth === 400));
    const beside = async () => {
      const [form, paper] = [await desk.locator("#part-basics").boundingBox(), await papers.boundingBox()];
      return form && paper && paper.x >= form.x + form.width;
    };
    assert.ok(await beside(), "the paper stands beside the form");
    assert.equal(await desk.evaluate(() => document.activeElement?.id), "paper-h");
    await papers.getByRole("link", { name: "100%" }).click();
    await papers.locator(".zoom-full").waitFor();
    await papers.getByRole("link", { name: "向右旋转" }).click();
    await papers.locator(".zoom-full.turn-1").waitFor();
    await tools.both(desk, "17-bureau-paper-photo");
    await papers.getByRole("link", { name: "适合窗口" }).click();
    await papers.locator(".zoom-fit.turn-1").waitFor();
    await papers.getByRole("link", { name: "上一份" }).click();
    await papers.locator("iframe").waitFor();
    await tools.both(desk, "17-bureau-paper-pdf");
    await papers.getByRole("link", { name: "返回" }).click();
    await papers.locator("section").waitFor({ state: "detached" });
    assert.equal(await s.field(desk, "意见").inputValue(), "正在核对附件。");

    // The same without script, on a phone: a page of its own with the way back.
    const plain = await tools.open("/login", { javaScript: false, width: 390 });
    await plain.getByRole("radio", { name: "检验检疫局" }).check({ force: true });
    await plain.getByLabel("用户名", { exact: true }).fill("demo_accept2");
    await plain.getByLabel("密码", { exact: true }).fill("mianban-demo-2026");
    await plain.getByRole("button", { name: "登录" }).click();
    await tools.go(plain, new URL(desk.url()).pathname);
    await plain.getByRole("link", { name: /^并排查看 铭牌照片/ }).click();
    await plain.locator("#papers img").waitFor();
    const pane = await plain.locator("#papers").boundingBox();
    assert.ok(pane && pane.x === 0 && pane.width >= 375, JSON.stringify(pane));
    await plain.locator("#papers").getByRole("link", { name: "返回" }).click();
    assert.equal(await plain.locator("#papers section").count(), 0);
  });

  journey("文件对比：扫描件与企业上传并排，不一致须说明，未通过时写入原因", async (tools) => {
    const page = await tools.open("/");
    await s.register(page, s.newCompany());
    const number = await withPhoto(page, tools);
    for (const [user, post, decision] of [["demo_accept", "受理", "受理"], ["demo_first", "初审", "初审通过"], ["demo_final", "终审", "终审通过"]]) {
      const desk = await officer(tools, String(user));
      await s.openCase(desk, String(post), number);
      await s.decide(desk, String(decision), { "意见": "同意。" });
    }
    const desk = await officer(tools, "demo_compare");
    await s.openCase(desk, "文件对比", number);
    await desk.getByRole("link", { name: "填写对比结果" }).click();
    await s.at(desk, `文件对比 ${number}`);
    await tools.both(desk, "17-bureau-comparison-empty");

    // A scan, beside the upload.
    await s.field(desk, "对应的材料").selectOption({ label: "技术资料/照片（铭牌照片.png）" });
    await desk.getByLabel("扫描件", { exact: true }).setInputFiles(tools.file("铭牌原件.png", picture(400, 240)));
    await s.press(desk, "上传扫描件");
    await desk.getByRole("status").filter({ hasText: "已上传 1 个扫描件" }).waitFor();
    const papers = desk.locator("#papers");
    await papers.getByText("企业上传").waitFor();
    await papers.getByText("纸质原件").waitFor();
    assert.equal(await papers.getByRole("img").count(), 2);
    await tools.both(desk, "17-bureau-comparison-scan");
    await papers.getByRole("link", { name: "返回" }).click();
    await papers.locator("section").waitFor({ state: "detached" });

    // What differs has to be said.
    const result = (/** @type {string} */ what) => desk.getByRole("combobox", { name: `${what} 的对比结果` });
    await result("营业执照 材料.pdf").selectOption("一致");
    await result("技术资料/照片 铭牌照片.png").selectOption("不一致");
    await s.press(desk, "保存并返回单据");
    await desk.getByRole("alert").filter({ hasText: "请说明不一致之处" }).waitFor();
    await tools.both(desk, "17-bureau-comparison-errors");
    await desk.getByRole("textbox", { name: "技术资料/照片 铭牌照片.png 的说明" }).fill("型号与原件不符");
    await s.press(desk, "保存并返回单据");
    await s.at(desk, `文件对比办理 ${number}`);
    await desk.getByText("一致 1 份，不一致 1 份").first().waitFor();
    await tools.both(desk, "17-bureau-compared");

    await s.decide(desk, "文件对比未通过", { "意见": "材料不符合要求。" });
    await (await s.findMine(page, number)).getByRole("link", { name: "对比材料未通过" }).click();
    await s.at(page, "审批未通过原因");
    await page.getByText("不一致，型号与原件不符").waitFor();
    await tools.both(page, "11-comparing-failed");
  });
});
