// The list of certificates with its filters and its ZIP; what the public is told of one of them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { strFromU8, unzipSync } from "fflate";
import { journey, together, DESK, PHONE } from "./harness.mjs";
import * as s from "./steps.mjs";

together("证明列表和公开核验", () => {
  for (const width of [DESK, PHONE]) {
    // R-2.6-01, R-2.6-02
    journey(`证明列表、批量下载、公开核验，${width} 像素`, async (tools) => {
      const page = await tools.open("/", { width });
      const main = page.getByRole("main");
      await tools.login(page, "企业", "demo_enterprise");
      await s.menu(page, "证明列表");
      await s.at(page, "证明列表");
      await tools.check(page, "12-certificates");
      await s.fill(main, { "即将到期": "很快", "证明状态": "有效" });
      await s.press(page, "查询");
      await page.getByRole("alert").getByRole("link", { name: /即将到期应填写 0 至 365 的整数天数/ }).waitFor();
      await tools.check(page, "12-certificates-fault");
      await s.fill(main, { "即将到期": "" });
      await s.press(page, "查询");
      const first = main.getByRole("checkbox", { name: /^选择证明 / }).first();
      await first.waitFor();
      assert.equal(await main.getByRole("row").filter({ hasText: "已过期" }).count(), 0);
      const bulk = main.getByRole("button", { name: /^下载选中的证明/ });
      await first.check();
      await bulk.getByText("(1)").waitFor();
      const [download] = await Promise.all([page.waitForEvent("download"), bulk.click()]);
      assert.match(download.suggestedFilename(), /^免办证明_\d{8}_1份\.zip$/);
      const files = unzipSync(readFileSync(await download.path()));
      const paper = Object.keys(files).find((name) => /^免办证明\d{17}\.pdf$/.test(name)) ?? "";
      assert.deepEqual(Object.keys(files).sort(), [paper, "清单.csv"].sort());
      const number = paper.slice(4, 21);
      assert.ok(strFromU8(files["清单.csv"]).includes(number));

      // Its page, and back to the list as it was
      await main.getByRole("link", { name: `查看证明 ${number}` }).click();
      await s.at(page, `免办证明 ${number}`);
      const code = (await main.locator("dt", { hasText: "核验码" }).locator("xpath=following-sibling::dd").first().innerText()).trim();
      assert.match(code, /^[2-9A-HJ-NP-Z]{8}$/);
      await main.getByRole("region", { name: "证明版本" }).getByText("第 1 版").waitFor();
      await tools.check(page, "12-certificate-versions");
      await main.getByRole("link", { name: "返回证明列表" }).click();
      await s.at(page, "证明列表");
      assert.equal(await s.field(main, "证明状态").inputValue(), "valid");

      // Anybody, with number and code
      const visitor = await tools.open("/verification", { width });
      const there = visitor.getByRole("main");
      await tools.check(visitor, "12-verification-form");
      await s.fill(there, { "证明号": number, "核验码": code });
      await s.press(visitor, "核验证明");
      await visitor.getByRole("status").filter({ hasText: "有效：该证明由本系统发出。" }).waitFor();
      await there.getByRole("region", { name: "附表产品剩余数量" }).getByText("剩余").first().waitFor();
      await tools.check(visitor, "12-verification-code");

      // Or with the file itself, dropped on the page as from the desktop: nothing opens in the browser, the file is chosen
      const zone = there.locator(".drop").filter({ has: visitor.getByLabel("选择证明文件") });
      const carried = await visitor.evaluateHandle(({ bytes, name }) => {
        const carries = new DataTransfer();
        carries.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, { type: "application/pdf" }));
        return carries;
      }, { bytes: Buffer.from(files[paper]).toString("base64"), name: paper });
      const over = await zone.evaluate((node, dataTransfer) => !node.dispatchEvent(new DragEvent("dragover", { dataTransfer, bubbles: true, cancelable: true })), carried);
      assert.ok(over, "the page takes what is held over it");
      const taken = await zone.evaluate((node, dataTransfer) => !node.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true })), carried);
      assert.ok(taken, "the browser does not open the file instead");
      await there.getByText(`已选择“${paper}”`).waitFor();
      await s.press(visitor, "核验文件");
      await visitor.getByText("电子签名有效", { exact: true }).first().waitFor();
      await tools.check(visitor, "12-verification-dropped");

      // Or chosen: as it is, with a byte changed, another one
      const look = async (/** @type {string} */ path, /** @type {string} */ word) => {
        await there.getByLabel("选择证明文件").setInputFiles(path);
        await s.press(visitor, "核验文件");
        await visitor.getByText(word, { exact: true }).first().waitFor();
      };
      await look(tools.file("证明.pdf", Buffer.from(files[paper])), "电子签名有效");
      await there.getByRole("region", { name: "附表产品剩余数量" }).waitFor();
      await tools.check(visitor, "12-verification-file");
      const changed = Buffer.from(files[paper]);
      changed[Math.floor(changed.length / 3)] ^= 1;
      await look(tools.file("改动.pdf", changed), "签名无效");
      assert.equal(await there.getByRole("region", { name: "登记结果" }).count(), 0, "nothing is said of a file that was changed");
      await tools.check(visitor, "12-verification-altered");
      await look(tools.file("别的.pdf", s.PDF), "不是本系统的证明");
      await tools.check(visitor, "12-verification-foreign");
      await s.press(visitor, "核验文件");
      await visitor.getByRole("alert").getByText("请先选择证明的 PDF 文件或二维码照片").first().waitFor();
    });
  }

  journey("没有脚本时上传证明文件核验", async ({ open, file }) => {
    const page = await open("/verification", { javaScript: false });
    await page.getByLabel("选择证明文件").setInputFiles(file("别的.pdf", s.PDF));
    await s.press(page, "核验文件");
    await page.getByText("不是本系统的证明", { exact: true }).waitFor();
  });

  journey("检验检疫局和认监委的证明列表", async ({ open, login, both }) => {
    for (const [kind, user] of [["检验检疫局", "demo_issue"], ["认监委", "demo_cnca"]]) {
      const page = await open();
      await login(page, kind, user);
      await s.menu(page, "证明列表");
      await s.at(page, "证明列表");
      await s.field(page.getByRole("main"), "申请单位").fill("没有这个单位");
      await s.press(page, "查询");
      await page.getByRole("heading", { name: "没有符合条件的证明" }).waitFor();
      await both(page, `12-certificates-none-${user}`);
      await page.getByRole("link", { name: "清除条件" }).first().click();
      await page.getByRole("row").nth(1).waitFor();
      await both(page, `12-certificates-${user}`);
    }
  });
});
