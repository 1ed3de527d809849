// The main job: a company registers, applies, and receives its certificate. Once at a desk, once on a phone.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { journey, together, DESK, PHONE, outputFolder } from "./harness.mjs";
import * as s from "./steps.mjs";

/** The officers of 上海局, one post each, in the order of the course. */
const OFFICERS = { "受理": "demo_accept", "初审": "demo_first", "终审": "demo_final", "文件对比": "demo_compare", "发证": "demo_issue" };

/** Names of which the main face of the paper has little; short, so that each stays on one line of its cell. */
const RARE = { "商标": "𠮷野𬭎", "生产厂名": "Łódź삼성⌀₂" };

/** A program for papers. @param {string} program @param {string[]} words @returns {string} */
function tool(program, ...words) {
  const done = spawnSync(program, words, { encoding: "utf8" });
  assert.equal(done.error, undefined, `${program} is missing: run scripts/install-test-deps.sh first`);
  assert.equal(done.status, 0, `${program} ${words.join(" ")}: ${done.stderr}`);
  return done.stdout;
}

/** What the paper of a certificate must be; says the address in its QR code. @param {string} path @param {string} picture @param {string[]} words */
function readPaper(path, picture, words) {
  const info = tool("pdfinfo", "-f", "1", "-l", "99", path);
  const sizes = [...info.matchAll(/Page +\d+ size: +([\d.]+) x ([\d.]+)/g)].map(([, w, h]) => [Math.round(Number(w)), Math.round(Number(h))]);
  assert.deepEqual(sizes, [[595, 842], [842, 595]], "A4 upright, then the annex on one A4 sheet across");
  const text = tool("pdftotext", "-layout", path, "-");
  for (const word of words) assert.ok(text.replace(/\s+/g, "").includes(word.replace(/\s+/g, "")), `“${word}” is not on the paper:\n${text}`);
  const fonts = tool("pdffonts", path).trim().split("\n").slice(2);
  assert.ok(fonts.length > 0);
  for (const font of fonts) assert.match(font, / yes +(yes|no) +(yes|no) +\d+ +\d+$/, `a font is not embedded: ${font}`);
  tool("pdftoppm", "-r", "150", "-png", path, picture);
  return tool("zbarimg", "--raw", "-q", `${picture}-1.png`).trim();
}

together("从注册到取得证明", () => {
  for (const width of [DESK, PHONE]) {
    journey(`${width} 像素`, async ({ open, check, login, letter, letters, file, url }) => {
      const company = s.newCompany();
      const page = await open("/", { width });
      const main = page.getByRole("main");
      const look = (/** @type {string} */ name) => check(page, name);

      // 注册, 登录, 新申请 to 申请基本信息
      await s.register(page, company, look);
      await s.openDraft(page, look);
      await s.fillBasics(page, { "合同号": "HT-2026-001", "发票号": "INV-2026-001" }, look);

      // 附表产品: from several hits, then by exact code
      await look("06-products-empty");
      await main.getByRole("link", { name: "添加", exact: true }).first().click();
      await s.at(page, "选择免办产品");
      await s.field(page, "编码").fill("8415");
      await s.press(page, "查询");
      await page.getByText("查到 10 种").waitFor();
      await look("07a-hs-picker");
      await page.getByRole("radio", { name: "选择 8415101000" }).check();
      await s.press(page, "提交");
      await s.at(page, "免办产品信息");
      assert.equal(await s.field(page, "使用单位地址").inputValue(), s.BASICS["产品最终使用地（地址）"]);
      await s.fill(main, { ...s.PRODUCT, ...s.AIR_CONDITIONER });
      await look("07b-product-form");
      await s.press(page, "保存并添加下一个");
      await page.getByText("已保存产品“窗式空调器样机”").waitFor();
      assert.equal(await s.field(page, "需免办产品名称").inputValue(), "", "the next form is empty");
      await s.fill(main, { ...s.PRODUCT, ...s.AIR_CONDITIONER, "需免办产品名称": "壁式空调器样机", "规格型号": "KF-35/BS-T1", "安装方式": "壁式" });
      await s.press(page, "保存并关闭");
      await s.at(page, "附表产品信息");
      await main.getByRole("link", { name: "添加", exact: true }).first().click();
      await s.field(page, "编码").fill("8418500000");
      await s.press(page, "查询");
      await s.at(page, "免办产品信息");
      await s.fill(main, { ...s.PRODUCT, ...s.REFRIGERATOR, "需免办产品名称": "冷藏展示柜样机", "规格型号": "LSC-320", ...RARE });
      await s.press(page, "保存并关闭");
      await s.at(page, "附表产品信息");
      await page.getByText("共 3 项").first().waitFor();

      // The list: 查询, 详细信息显示区
      await s.fill(main, { "规格型号": "lsc" });
      await s.press(page, "查询");
      await s.rowOf(page, "窗式空调器样机").waitFor({ state: "detached" });
      const details = page.getByRole("region", { name: "详细信息显示区" });
      await s.rowOf(page, "冷藏展示柜样机").getByRole("link", { name: "详细信息" }).click();
      await details.getByText("展示柜", { exact: true }).waitFor();
      assert.ok(await details.getByText("冷藏展示柜样机").isVisible());
      await look("06-products");

      // 附件
      await main.getByRole("link", { name: "查看申请附件信息" }).click();
      await s.at(page, "申请附件信息");
      await look("08-attachments-empty");
      const license = s.cardOf(page, "营业执照");
      let release = () => {};
      const held = new Promise((resolve) => { release = () => resolve(undefined); });
      await page.route("**/attachments", async (route) => { await held; await route.continue(); });
      const batch = [file("营业执照.pdf", s.PDF), file("扫描件.tif", 5 * 1024 * 1024 + 1), file("营业执照副本.jpg", 2000)];
      await license.getByLabel("浏览营业执照文件").setInputFiles(batch);
      await license.getByText("已选择 3 个文件").waitFor();
      await license.getByRole("button", { name: "上传附件" }).click();
      await license.getByRole("progressbar", { name: "上传进度：营业执照.pdf" }).waitFor();
      assert.ok(await license.getByRole("button", { name: "取消上传 营业执照.pdf" }).isVisible());
      release();
      await license.getByText("上传结束").waitFor();
      await page.unroute("**/attachments");
      await license.getByText("文件过大：5.0 MB，超过 5M 的限制。请压缩后重新选择。").waitFor();
      await license.getByText("已上传 2").waitFor();
      assert.deepEqual(await license.getByRole("link").filter({ hasNotText: "预览" }).allInnerTexts(), ["营业执照.pdf", "营业执照副本.jpg"]);
      await look("08-attachments-refused");
      await s.upload(page, "责任担保书", [file("责任担保书.pdf", s.PDF), file("责任担保书附页.docx", 3000)]);
      await s.upload(page, "符合性声明/型式试验报告", [file("符合性声明.pdf", s.PDF), file("多余.txt", 10)]);
      await s.upload(page, "发票", [file("发票.pdf", s.PDF)]);
      await page.getByRole("button", { name: "删除 多余.txt" }).click();
      const dialog = page.getByRole("dialog", { name: "删除附件" });
      await look("08-attachments-delete");
      await dialog.getByRole("button", { name: "删除" }).click();
      await page.getByText("已删除附件“多余.txt”").waitFor();
      assert.equal(await page.getByRole("link", { name: "多余.txt" }).count(), 0);

      // 提交申请 while something is missing: the list of what, with links
      await s.press(page, "提交申请");
      const missing = page.getByRole("alert").filter({ hasText: "还有 2 处需要完善" });
      await missing.waitFor();
      assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("role")), "alert", "the list has the focus");
      assert.deepEqual(await missing.getByRole("link").allInnerTexts(), ["申请附件信息：已填写合同号，请上传合同", "申请附件信息：请上传科研测试计划/展示方案"]);
      await look("09a-check-missing");
      await missing.getByRole("link", { name: "请上传科研测试计划/展示方案" }).click();
      await s.at(page, "申请附件信息");
      await s.upload(page, "科研测试计划/展示方案", [file("测试计划.pdf", s.PDF)]);
      await s.upload(page, "合同", [file("合同.pdf", s.PDF), file("合同附件.xls", 500)]);
      await look("08-attachments");
      await main.getByRole("link", { name: "核对申请信息" }).click();
      await s.at(page, "核对申请信息");
      await look("09a-check-submit");
      const number = await s.submit(page);
      await main.getByText("上海出入境检验检疫局").waitFor();
      await look("09b-submitted");

      /** The company's list shows the status, its timeline the event and the opinion. @param {string} status @param {string} [event] @param {string} [opinion] */
      const follows = async (status, event, opinion) => {
        const row = await s.findMine(page, number);
        await row.getByText(status, { exact: true }).waitFor();
        await row.getByRole("link", { name: `查看 ${number}` }).click();
        await s.at(page, number);
        const course = page.getByRole("region", { name: "办理过程" });
        if (event) await course.getByRole("listitem").filter({ hasText: event }).filter({ hasText: opinion ?? "" }).first().waitFor();
      };
      await follows("受理中", "提交申请");
      await look("11-application-view");
      await s.findMine(page, number);
      await look("10-application-list");

      // The bureau, each officer at a computer of their own
      /** @type {Record<string, import("playwright-core").Page>} */
      const desks = {};
      for (const [post, user] of Object.entries(OFFICERS)) {
        desks[post] = await open("/", { width });
        await login(desks[post], "检验检疫局", user);
      }
      await check(desks["受理"], "16-bureau-home");
      /** @param {string} post @param {string} decision @param {import("./steps.mjs").Values} values */
      const decide = async (post, decision, values) => {
        const desk = desks[post];
        await s.openCase(desk, post, number, post === "受理" ? () => check(desk, "16-bureau-worklist") : undefined);
        await check(desk, `17-bureau-${OFFICERS[/** @type {keyof typeof OFFICERS} */ (post)]}`);
        await s.decide(desk, decision, values);
        assert.equal(await s.rowOf(desk, number).count(), 0, "the case has left the worklist");
      };
      await decide("受理", "受理", { "意见": "材料齐全，准予受理。" });
      await follows("初审中", "受理", "材料齐全，准予受理。");
      await decide("初审", "初审通过", { "意见": "符合免办条款，同意。" });
      await follows("终审中", "初审通过", "符合免办条款，同意。");
      await decide("终审", "终审通过", { "意见": "终审同意。" });
      await follows("文件对比中", "终审通过", "终审同意。");

      // 文件对比 with paper
      const today = new Date(Date.now() + 8 * 3_600_000);
      const later = (/** @type {number} */ days) => new Date(today.getTime() + days * 86_400_000).toISOString().slice(0, 10);
      const notice = { "送达地址": "上海局受理窗口", "材料清单": "责任担保书原件", "联系人及电话": "受理窗口 021-00000000", "送达期限": later(10) };
      const compare = desks["文件对比"];
      await s.openCase(compare, "文件对比", number);
      await check(compare, "17-bureau-demo_compare");
      await s.decide(compare, "需送纸质材料", { ...notice, "意见": "请送交原件。" });
      const row = await s.findMine(page, number);
      await row.getByRole("link", { name: "文件对比中_送纸质材料" }).click();
      await s.at(page, "纸质材料对比通知");
      for (const text of [...Object.values(notice), "请送交原件。"]) assert.ok(await main.getByText(text).first().isVisible(), text);
      await look("11-paper-notice");
      await s.openCase(compare, "文件对比", number);
      await check(compare, "17-bureau-paper");
      for (const box of await compare.getByRole("group", { name: "收到的纸质材料" }).getByRole("checkbox").all()) await box.check();
      await s.decide(compare, "材料已收到");
      await follows("文件对比中", "纸质材料已收到");
      await s.openCase(compare, "文件对比", number);
      await s.decide(compare, "文件对比通过", { "意见": "原件与上传文件一致。" });
      await follows("待发证", "文件对比通过", "原件与上传文件一致。");
      await decide("发证", "发证", { "截止日期": later(100), "意见": "准予发证。" });
      await follows("已发证", "发证", "准予发证。");

      // 证明: the same bytes at every download, the paper, the QR code, the public verification
      const issued = await s.findMine(page, number);
      await letter((l) => l.to.includes(company.mail) && l.subject.includes("已发证"));
      await issued.getByRole("link", { name: /^证明 / }).click();
      await s.at(page, /^免办证明/);
      await page.getByRole("link", { name: "下载证明" }).or(page.getByRole("link", { name: "刷新", exact: true })).waitFor();
      for (let n = 0; n < 50 && !(await page.getByRole("link", { name: "下载证明" }).isVisible()); n++) await page.reload();
      await look("12-certificate");
      const copies = [];
      for (let n = 0; n < 2; n++) {
        const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "下载证明" }).click()]);
        copies.push(await download.path());
      }
      assert.ok(readFileSync(copies[0]).equals(readFileSync(copies[1])), "both downloads are the same bytes");
      const facts = page.getByRole("region", { name: "证明信息" });
      const certificate = /^免办证明\s+(\d{17})/.exec(await page.getByRole("heading", { level: 1 }).innerText())?.[1] ?? "";
      assert.ok(await facts.getByText(`${later(0)} 至 ${later(100)}`).isVisible());
      const address = readPaper(copies[0], join(outputFolder(), `12-paper-${width}`), [
        "免于办理强制性产品认证证明", "CERTIFICATE OF EXEMPTION FROM COMPULSORY PRODUCT CERTIFICATION", "申请单位", "Applicant", "ANNEX",
        company.name, company.written, number, certificate, "HT-2026-001", "窗式空调器样机", "壁式空调器样机", "冷藏展示柜样机", "LSC-320", "12 台", ...Object.values(RARE),
        "上海出入境检验检疫局", later(100),
      ]);
      assert.ok(address.startsWith(`${url.toUpperCase()}/V/`) && address.length <= 300, address);
      assert.match(tool("pdfsig", copies[0]), /Signature is Valid\./);
      const visitor = await open(address, { width });
      await visitor.getByRole("status").filter({ hasText: "有效：该证明由本系统发出。" }).waitFor();
      for (const text of [certificate, company.name, "3 项"]) assert.ok(await visitor.getByText(text).first().isVisible(), text);
      await check(visitor, "12-verification");

      // The letter that proves the mailbox, then one letter per status
      const [proof, ...told] = letters().filter((l) => l.to.includes(company.mail));
      assert.match(proof.subject, /请验证您的邮箱$/);
      const subjects = told.map((l) => l.subject.replace(/^.*：/, ""));
      assert.deepEqual(subjects.sort(), ["受理中", "初审中", "终审中", "文件对比中", "文件对比中_送纸质材料", "文件对比中", "待发证", "已发证"].sort());
      assert.ok(told.every((l) => l.subject.includes(number) && l.text.includes(company.name)));
    }, { timeout: 420_000 });
  }
});
