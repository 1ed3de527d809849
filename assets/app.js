// Behaviour of the pages: own code, no framework, no eval, no style attributes (the policy refuses both).
// Every page works without it, except live numbers, progress bars and the session warning.
(() => {
  "use strict";
  const d = document;
  d.documentElement.classList.add("js");

  const all = (selector, root) => Array.from((root || d).querySelectorAll(selector));
  const on = (type, listener, capture) => d.addEventListener(type, listener, capture);
  const csrf = () => d.querySelector('meta[name="csrf"]')?.content || "";
  /** POST to our own server, with the token that proves the page is ours. */
  const post = (url, body = new URLSearchParams()) => fetch(url, { method: "POST", body, credentials: "same-origin", headers: { "X-CSRF-Token": csrf() } });

  // 1. A page taken from the back/forward cache may belong to a session that has ended: ask the server again.
  window.addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });

  // 2. Menus (<details class="menu">): close on a click elsewhere and on Esc.
  on("click", (e) => all("details.menu[open]").forEach((m) => { if (!m.contains(e.target)) m.open = false; }));
  on("keydown", (e) => {
    if (e.key !== "Escape") return;
    all("details.menu[open]").forEach((m) => { m.open = false; m.querySelector("summary").focus(); });
    if (d.body.classList.contains("nav-open")) drawer(false);
  });

  // 3. Side menu as a drawer below 992 px.
  function drawer(open) {
    d.body.classList.toggle("nav-open", open);
    const toggle = d.querySelector(".nav-toggle");
    if (!toggle) return;
    toggle.setAttribute("aria-expanded", String(open));
    (open ? d.querySelector(".sidenav a") : toggle).focus();
  }
  on("click", (e) => {
    const button = e.target.closest("[data-nav]");
    if (button) drawer(button.dataset.nav === "open");
  });

  // 4. Dialogs: native <dialog>, which returns the focus to the opener by itself.
  on("click", (e) => {
    const opener = e.target.closest("[data-dialog]");
    const dialog = opener && d.getElementById(opener.dataset.dialog);
    if (dialog) { e.preventDefault(); dialog.showModal(); }
    const closer = e.target.closest("[data-close]")?.closest("dialog");
    if (closer) { e.preventDefault(); closer.close(); }
    if (e.target.closest("[data-print]")) { e.preventDefault(); window.print(); }
  });
  all("dialog[data-open]").forEach((dialog) => { dialog.removeAttribute("open"); dialog.showModal(); });

  // 5. data-confirm on a form or on its button: ask first, with the verb on the button.
  //    data-confirm-title and data-confirm-verb replace the button's own words.
  const element = (tag, className, text) => {
    const made = d.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  };
  function ask(sentence, title, verb, confirmed) {
    const dialog = element("dialog");
    const head = element("div", "dlg-h");
    const heading = element("h2", "", title);
    const body = element("div", "dlg-b");
    const foot = element("div", "dlg-f");
    const yes = element("button", "btn btn-danger", verb);
    const back = element("button", "btn btn-plain", "返回");
    heading.id = "confirm-title";
    body.id = "confirm-text";
    dialog.setAttribute("aria-labelledby", heading.id);
    dialog.setAttribute("aria-describedby", body.id);
    yes.type = back.type = "button";
    back.autofocus = true;
    head.append(heading);
    body.append(element("p", "mb-0", sentence));
    foot.append(yes, back);
    dialog.append(head, body, foot);
    d.body.append(dialog);
    dialog.addEventListener("close", () => dialog.remove());
    back.addEventListener("click", () => dialog.close());
    yes.addEventListener("click", () => { dialog.close(); confirmed(); });
    dialog.showModal();
  }
  let agreed = null;
  on("submit", (e) => {
    const form = e.target, button = e.submitter;
    const source = button?.dataset.confirm ? button : form;
    if (!source.dataset.confirm || agreed === form) { agreed = null; return; }
    e.preventDefault();
    e.stopImmediatePropagation();
    const words = button?.textContent.trim() || "继续";
    ask(source.dataset.confirm, source.dataset.confirmTitle || words, source.dataset.confirmVerb || words, () => {
      agreed = form;
      form.requestSubmit(button || undefined);
    });
  }, true);

  // 6. The error summary takes the focus; its links put the caret into the field.
  const focusErrors = () => d.querySelector(".error-summary")?.focus();
  on("click", (e) => {
    const link = e.target.closest(".error-summary a[href^='#']");
    const target = link && d.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!target) return;
    const field = target.tomselect ? target.tomselect.control_input : target.matches("fieldset, div") ? target.querySelector("input, select, textarea") || target : target;
    e.preventDefault();
    field.focus();
    field.scrollIntoView({ block: "center" });
  });

  // 7. Choice cards and segmented controls mirror :checked (the oldest supported browsers lack :has()).
  const mirrorChoices = () => all(".choice, .seg label").forEach((label) => {
    const input = label.querySelector("input");
    if (input) label.classList.toggle("on", input.checked);
  });
  on("change", mirrorChoices);
  on("reset", () => setTimeout(() => { mirrorChoices(); all("[data-q]").forEach(quantity); all("[data-max]").forEach(remaining); }));

  // 8. Row selection and bulk actions: [data-all], [data-row], and the button [data-bulk] with a <span> for the number.
  function bulk(table) {
    const rows = all("[data-row]:not(:disabled)", table), chosen = rows.filter((r) => r.checked);
    const head = table.querySelector("[data-all]");
    rows.forEach((r) => r.closest("tr").classList.toggle("on", r.checked));
    if (head) {
      head.checked = chosen.length > 0 && chosen.length === rows.length;
      head.indeterminate = chosen.length > 0 && chosen.length < rows.length;
    }
    [...(table.closest("form")?.elements ?? [])].filter((control) => control.matches("[data-bulk]")).forEach((button) => {
      button.disabled = chosen.length === 0;
      const number = button.querySelector("span");
      if (number) number.textContent = chosen.length ? `(${chosen.length})` : "";
    });
  }
  on("change", (e) => {
    const table = e.target.closest("table");
    if (!table || !e.target.matches("[data-all], [data-row]")) return;
    if (e.target.matches("[data-all]")) all("[data-row]:not(:disabled)", table).forEach((r) => { r.checked = e.target.checked; });
    bulk(table);
  });

  // 9. Live quantities: input[data-q="ID"] beside the bar #ID (data-total, -done, -pend). The server decides;
  //    here only the preview. Exact: hundred-thousandths as BigInt. [data-q-word] replaces the words of the sentence.
  function units(text) {
    const plain = (text || "").normalize("NFKC").replace(/[,\s]/g, "");
    if (plain === "") return 0n;
    const parts = /^(\d{1,12})(?:\.(\d{0,5}))?$/.exec(plain);
    return parts ? BigInt(parts[1]) * 100000n + BigInt((parts[2] || "").padEnd(5, "0")) : null;
  }
  function written(n) {
    const whole = String(n / 100000n).replace(/\B(?=(\d{3})+$)/g, ",");
    const rest = String(n % 100000n).padStart(5, "0").replace(/0+$/, "");
    return rest ? `${whole}.${rest}` : whole;
  }
  const percent = (part, total) => (total > 0n ? Number((part * 10000n) / total) / 100 : 0);
  function quantity(input) {
    const bar = d.getElementById(input.dataset.q);
    if (!bar) return;
    const total = units(bar.dataset.total) ?? 0n, done = units(bar.dataset.done) ?? 0n, pending = units(bar.dataset.pend) ?? 0n;
    const free = total - done - pending > 0n ? total - done - pending : 0n;
    const typed = units(input.value), bad = typed === null || typed > free;
    const mine = bar.querySelector(".q-this");
    if (mine) {
      mine.setAttribute("x", String(percent(done + pending, total)));
      mine.setAttribute("width", String(percent(typed === null ? 0n : typed > free ? free : typed, total)));
    }
    input.classList.toggle("is-invalid", bad);
    input.setAttribute("aria-invalid", String(bad));
    const word = input.dataset.qWord || "可预核销", left = d.getElementById(`${input.dataset.q}-left`);
    if (left) left.textContent = typed === null ? "请填写数字，最多 5 位小数" : bad ? `超出${word}数量 ${written(free)}` : `提交后${word} ${written(free - typed)}`;
  }
  on("input", (e) => { if (e.target.matches("[data-q]")) quantity(e.target); });

  // 10. Remaining characters: #ID-count beside a field with data-max. Nothing is cut off: what is too long is said.
  function remaining(field) {
    const counter = d.getElementById(`${field.id}-count`);
    if (!counter) return;
    const left = Number(field.dataset.max) - [...field.value].length;
    counter.textContent = left >= 0 ? `还可输入 ${left} 字` : `超出 ${-left} 字，请删减`;
  }
  on("input", (e) => { if (e.target.dataset?.max) remaining(e.target); });

  // 11. Unsaved changes: form[data-guard] warns before leaving; form[data-dirty] comes back with unsaved values.
  //     form[data-autosave="URL"] keeps what was typed on the server, at most every ten seconds, and says when in
  //     [data-autosaved]. A link with data-discard="URL" (返回) drops what was kept.
  const dirty = new Set(all("form[data-guard][data-dirty]"));
  let saving = 0, underway = null, pending = null, discarding = "";
  // One that came back with unsaved values is kept as it stands: the press that sent it has stopped the clock.
  dirty.forEach((form) => { if (form.dataset.autosave) setTimeout(() => autosave(form)); });
  const typed = (form) => {
    const body = new URLSearchParams();
    new FormData(form).forEach((value, name) => {
      const secret = form.elements[name]?.type === "password";
      if (typeof value === "string" && name !== "csrf" && !secret) body.append(name, value);
    });
    return body;
  };
  const kept = (form, sentence) => {
    const place = form.querySelector("[data-autosaved]");
    if (place) place.textContent = sentence;
  };
  async function keep(form) {
    pending = null;
    saving = 0;
    underway = new AbortController();
    const { signal } = underway;
    try {
      const answer = await fetch(form.dataset.autosave, { method: "POST", body: typed(form), credentials: "same-origin", headers: { "X-CSRF-Token": csrf() }, signal });
      if (answer.ok && !answer.redirected) kept(form, `已自动保存 ${await answer.text()}`);
      else if (answer.status === 413) kept(form, "填写的内容超过 64 KB，没有自动保存，请尽快保存或提交。");
      else if (answer.status === 401) kept(form, "登录已失效，没有自动保存。填写的内容还在本页，提交后重新登录即可继续。");
      else kept(form, "没有自动保存，请尽快保存或提交。");
    } catch {
      if (!signal.aborted) { kept(form, "没有连上服务器，没有自动保存。填写的内容还在本页。"); autosave(form); }
    }
  }
  function autosave(form) {
    pending = form;
    if (!saving) saving = setTimeout(() => keep(form), 10000);
  }
  // The last keystrokes of a page that is put away, e.g. on a phone; after 保存 or 返回 there are none.
  const stop = () => { clearTimeout(saving); saving = 0; pending = null; underway?.abort(); };
  window.addEventListener("pagehide", () => {
    const url = discarding || pending?.dataset.autosave;
    if (!url) return;
    const body = discarding ? new URLSearchParams() : typed(pending);
    stop();
    fetch(url, { method: "POST", body, credentials: "same-origin", headers: { "X-CSRF-Token": csrf() }, keepalive: true, redirect: "manual" }).catch(() => {});
  });
  on("click", (e) => { discarding = e.target.closest("a[data-discard]")?.dataset.discard || ""; });
  on("input", (e) => {
    const form = e.target.form;
    discarding = "";
    if (form?.matches("[data-guard]")) dirty.add(form);
    if (form?.dataset.autosave) autosave(form);
  });
  // Before a form[data-guard] leaves, the server is asked whether it is there: a page of the browser about a lost
  // connection would take the place of what was typed.
  const reached = new WeakSet();
  async function connected() {
    try {
      const late = new AbortController(), timer = setTimeout(() => late.abort(), 10000);
      const answer = await fetch("/healthz", { cache: "no-store", signal: late.signal });
      clearTimeout(timer);
      return answer.ok;
    } catch { return false; }
  }
  function lost(form, button) {
    const note = element("div", "note note-bad"), text = element("p", "mb-0", "没有连上服务器，没有保存。填写的内容都在本页，没有丢失；请检查网络后重试。 ");
    const retry = element("button", "btn btn-plain btn-sm", "重试");
    note.dataset.lost = "";
    note.setAttribute("role", "alert");
    retry.type = "button";
    retry.addEventListener("click", () => form.requestSubmit(button || undefined));
    text.append(retry);
    note.append(text);
    const bar = form.querySelector(".actionbar");
    if (bar) bar.before(note);
    else form.append(note);
    retry.focus();
  }
  window.addEventListener("submit", (e) => {
    const form = e.target, button = e.submitter;
    if (e.defaultPrevented) return;
    // The attributes: a field of the form may be called "method" (销毁方式) and hide the property.
    const isSent = form.getAttribute("method") === "post" && button?.formTarget !== "_blank" && form.getAttribute("target") !== "_blank";
    // A second press while the answer is on its way sends nothing twice.
    if (isSent && form.dataset.sent) { e.preventDefault(); return; }
    if (isSent && form.matches("[data-guard]") && !reached.delete(form)) {
      e.preventDefault();
      form.dataset.sent = "1";
      connected().then((there) => {
        delete form.dataset.sent;
        form.querySelector("[data-lost]")?.remove();
        if (!there) { lost(form, button); return; }
        reached.add(form);
        agreed = form;
        form.requestSubmit(button || undefined);
      });
      return;
    }
    dirty.delete(form);
    if (form.matches("[data-leaves]")) dirty.clear();
    stop();
    if (!isSent) return;
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 3000);
  });
  window.addEventListener("beforeunload", (e) => {
    if ([...dirty].some((form) => form.isConnected)) e.preventDefault();
  });

  // 12. Controls that send their form by themselves (page size).
  // 重填 ([data-clear] on a reset button) empties the form, also one that came back with what was typed before.
  on("click", (e) => {
    const button = e.target.closest("[data-clear]");
    if (!button?.form) return;
    e.preventDefault();
    for (const field of button.form.elements) {
      if (field.readOnly || field.type === "hidden" || !field.name) continue;
      if (field.type === "checkbox" || field.type === "radio") field.checked = false;
      else if (field.tomselect) field.tomselect.clear();
      else if (field.matches("select")) field.selectedIndex = 0;
      else if (field.matches("input, textarea")) field.value = "";
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    mirrorChoices();
  });
  on("change", (e) => { if (e.target.matches("[data-submit]")) e.target.form.requestSubmit(); });

  // 13. Searchable selects, on pages that load tom-select.
  function searchable() {
    if (window.TomSelect) all("select[data-search]:not(.tomselected)").forEach((select) => {
      select.setAttribute("aria-hidden", "true"); // tom-select moves the label to its own combobox
      new window.TomSelect(select, {
        maxOptions: 300,
        refreshThrottle: 0, // the lists are local; a late refresh would open the list again after the choice
        placeholder: select.dataset.search,
        render: { no_results: () => '<div class="no-results">没有匹配的选项</div>' },
      });
    });
  }

  // 14. htmx: our token with every request, focus on errors, dialogs that were filled from the server.
  on("htmx:config:request", (e) => { e.detail.ctx.request.headers["X-CSRF-Token"] = csrf(); });
  let opener = null;
  on("htmx:before:request", (e) => {
    const { sourceElement, target } = e.detail.ctx;
    if (target?.id === "papers" && !target.contains(sourceElement)) opener = sourceElement;
  });
  on("htmx:after:request", (e) => {
    const { ctx } = e.detail;
    if (ctx.response && ctx.response.status < 400) dirty.delete(ctx.sourceElement);
    seen();
  });
  on("htmx:after:swap", (e) => {
    refresh();
    if (d.querySelector(".error-summary") && e.detail?.ctx?.response?.status === 422) focusErrors();
    // A paper beside the form: the form gives it half of the width, and what was pressed leads there or back.
    const papers = d.getElementById("papers"), split = papers?.closest(".split");
    if (split) {
      split.classList.toggle("with-paper", papers.classList.contains("open"));
      if (e.detail?.ctx?.target?.id === "papers") (papers.querySelector("[data-arrive]") ?? opener)?.focus();
    }
    const dialog = e.detail?.ctx?.target?.closest?.("dialog");
    if (dialog && !dialog.open) dialog.showModal();
  });
  on("htmx:error", () => toast("没有连上服务器，请稍后重试。"));
  on("htmx:response:error", (e) => {
    const { response } = e.detail.ctx;
    if (response.status === 422 || response.headers.get("hx-redirect")) return;
    toast(response.status === 401 ? "登录已失效，请重新登录。页面上填写的内容没有丢失。" : "没有成功，请稍后重试。");
  });

  // 15. Toasts: success of an action inside the page. They go by themselves unless somebody is reading them.
  const toasts = d.getElementById("toasts");
  function toast(sentence) {
    if (toasts) toasts.append(element("div", "note note-warn", sentence));
  }
  if (toasts) new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => {
    const leave = () => (node.matches?.(":hover, :focus-within") ? setTimeout(leave, 3000) : node.remove());
    setTimeout(leave, 10000);
  }))).observe(toasts, { childList: true });

  // 16. Uploads: one request per file with progress (fetch reports none). The server answers with the finished or
  //     refused row (<li>); further elements with an id replace their namesakes (the state badge of the kind).
  const limit = (input) => Number(input.dataset.max) || 5242880;
  const size = (bytes) => (bytes < 1048576 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1048576).toFixed(1)} MB`);
  function picked(input) {
    const note = d.getElementById(input.dataset.count), n = input.files.length;
    const one = input.multiple ? "" : input.files[0]?.name;
    if (note && !input.multiple) note.textContent = one ? `已选择“${one}”，点击“${input.dataset.verb}”` : "未选择文件，也可拖放到此处";
    else if (note) note.textContent = n ? `已选择 ${n} 个文件，点击“上传附件”开始上传` : "未选择文件，可多选，也可拖放到此处";
    // Large pictures can be made smaller here; what is sent then is said on the row.
    const offer = input.closest(".drop")?.querySelector("[data-shrink]");
    if (!offer) return;
    const large = Array.from(input.files).filter((f) => isPicture(f) && f.size > LARGE_PICTURE);
    offer.hidden = large.length === 0;
    offer.querySelector("input").checked = large.some((f) => f.size > limit(input));
    offer.querySelector("span").textContent = `缩小图片后上传：${large.length} 张图片较大，缩小到长边 ${LONG_SIDE} 像素以内，上传更快；请确认缩小后仍能看清`;
  }
  // Pictures of iPhones are shown by Safari only: where this browser can read them, they can be sent as JPEG.
  const isHeic = (file) => /^image\/hei[cf]$/.test(file.type) || /\.hei[cf]$/i.test(file.name);
  async function offerConversion(input) {
    const offer = input.closest(".drop")?.querySelector("[data-shrink]"), heic = Array.from(input.files).filter(isHeic);
    if (!offer || !heic.length) return;
    try { (await createImageBitmap(heic[0])).close(); } catch { return; }
    offer.hidden = false;
    offer.querySelector("input").checked = true;
    offer.querySelector("span").textContent = `转换为 JPG 后上传：${heic.length} 张 HEIC 照片不能在多数浏览器中查看；较大的图片同时缩小到长边 ${LONG_SIDE} 像素以内`;
  }
  const LARGE_PICTURE = 524288, LONG_SIDE = 1600;
  const isPicture = (file) => /^image\/(jpeg|png|webp|bmp)$/.test(file.type);
  /** The picture with its long side within LONG_SIDE, as JPEG; the file itself when it cannot be read or gains nothing. */
  async function shrunk(file) {
    let picture;
    try { picture = await createImageBitmap(file, { imageOrientation: "from-image" }); } catch { return file; }
    const scale = Math.min(1, LONG_SIDE / Math.max(picture.width, picture.height));
    const canvas = element("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff"; // JPEG knows no transparency
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const made = await new Promise((taken) => canvas.toBlob(taken, "image/jpeg", 0.85));
    if (!made || (made.size >= file.size && !isHeic(file))) return file;
    return new File([made], `${file.name.replace(/\.[^.]*$/, "")}.jpg`, { type: "image/jpeg" });
  }
  on("change", (e) => { if (e.target.matches("input[type=file][data-count]")) { picked(e.target); offerConversion(e.target); } });
  on("dragover", (e) => { const zone = e.target.closest?.(".drop"); if (zone) { e.preventDefault(); zone.classList.add("over"); } });
  on("dragleave", (e) => e.target.closest?.(".drop")?.classList.remove("over"));
  on("drop", (e) => {
    const zone = e.target.closest?.(".drop");
    if (!zone) return;
    e.preventDefault();
    zone.classList.remove("over");
    const input = zone.querySelector("input[type=file]");
    input.files = e.dataTransfer.files;
    picked(input);
    offerConversion(input);
  });
  function takeRow(row, html) {
    const answer = d.createElement("template");
    answer.innerHTML = html.trim();
    const made = answer.content.querySelector("li");
    all("[id]", answer.content).filter((node) => !made.contains(node)).forEach((node) => d.getElementById(node.id)?.replaceWith(node));
    row.replaceWith(made);
    window.htmx?.process(made);
  }
  function send(file, url, input, list, place) {
    const row = element("li"), name = element("span", "nm", file.name);
    const bar = element("progress", "pbar"), cancel = element("button", "btn btn-sm btn-plain", "取消");
    const number = element("span", "small num", "0%");
    cancel.type = "button";
    cancel.setAttribute("aria-label", `取消上传 ${file.name}`);
    const refused = (sentence, again) => {
      bar.remove();
      number.remove();
      row.append(element("span", "bad", sentence));
      if (again) {
        const retry = element("button", "btn btn-sm btn-plain", "重试");
        retry.type = "button";
        retry.setAttribute("aria-label", `重试 ${file.name}`);
        retry.addEventListener("click", () => send(file, url, input, list, row));
        row.append(retry);
      }
      cancel.textContent = "移除";
      cancel.setAttribute("aria-label", `移除 ${file.name}`);
    };
    row.append(name);
    list.querySelector("[data-empty]")?.remove();
    if (place) place.replaceWith(row);
    else list.append(row);
    cancel.addEventListener("click", () => { request.abort(); row.remove(); });
    const request = new XMLHttpRequest();
    if (file.size > limit(input)) {
      row.append(element("span", "muted small num", size(file.size)), cancel);
      refused(`文件过大：${size(file.size)}，超过 ${Math.floor(limit(input) / 1048576)}M 的限制。请压缩后重新选择。`);
      return Promise.resolve();
    }
    bar.max = 100;
    bar.value = 0;
    bar.setAttribute("aria-label", `上传进度：${file.name}`);
    row.append(bar, number, cancel);
    return new Promise((finished) => {
      request.upload.addEventListener("progress", (p) => {
        if (!p.lengthComputable) return;
        bar.value = Math.round((p.loaded / p.total) * 100);
        number.textContent = `${bar.value}%`;
      });
      request.addEventListener("load", () => {
        seen();
        if (request.responseText.trimStart().startsWith("<li")) takeRow(row, request.responseText);
        else if (request.status === 413) refused("文件过大，没有上传。");
        else if (request.status === 401 || request.status === 403 || (request.responseURL && new URL(request.responseURL).pathname !== new URL(url, location.href).pathname)) refused("登录已超时，请重新登录后再上传。");
        else refused("没有上传成功。", true);
      });
      request.addEventListener("error", () => refused("没有上传成功，请检查网络。", true));
      request.addEventListener("loadend", finished);
      const body = new FormData();
      body.append("kind", input.dataset.kind || "");
      body.append("file", file);
      request.open("POST", url);
      request.setRequestHeader("X-CSRF-Token", csrf());
      request.setRequestHeader("HX-Request", "true");
      request.send(body);
    });
  }
  on("click", async (e) => {
    const button = e.target.closest("[data-upload]");
    if (!button) return;
    e.preventDefault();
    const input = d.getElementById(button.dataset.input), list = d.getElementById(button.dataset.list);
    const chosen = Array.from(input.files);
    if (!chosen.length) { input.focus(); return; }
    const smaller = input.closest(".drop")?.querySelector("[data-shrink] input")?.checked;
    input.value = "";
    picked(input);
    // A form that holds more than its files is not saved by an upload.
    if (input.form?.querySelector("[name=attached], textarea")) dirty.add(input.form);
    else if (input.form) dirty.delete(input.form);
    const note = d.getElementById(input.dataset.count);
    for (const file of chosen) {
      const sent = smaller && (isHeic(file) || (isPicture(file) && file.size > LARGE_PICTURE)) ? await shrunk(file) : file;
      await send(sent, button.dataset.upload, input, list);
    }
    if (note) note.textContent = "上传结束，可继续选择文件";
  });

  // 17. Clock of the top bar: China time, started from the server's time, whatever the computer's clock says.
  all("time[data-clock]").forEach((clock) => {
    const start = Date.parse(clock.dateTime), ahead = start - Date.now();
    if (Number.isNaN(start)) return;
    const two = (n) => String(n).padStart(2, "0");
    const tick = () => {
      const t = new Date(Date.now() + ahead + 8 * 3600000); // read with the UTC getters: +08:00
      const text = `${clock.dataset.clock}${t.getUTCFullYear()}-${two(t.getUTCMonth() + 1)}-${two(t.getUTCDate())} 星期${"日一二三四五六"[t.getUTCDay()]} ${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;
      if (clock.textContent !== text) clock.textContent = text;
    };
    tick();
    setInterval(tick, 1000);
  });

  // 18. End of the session: a warning at 25 of 30 minutes (data-warn and data-end, in seconds), extended by 继续.
  //     Work in another tab counts too.
  const warning = d.getElementById("session-warning");
  let last = Date.now();
  function seen() {
    last = Date.now();
    try { localStorage.setItem("seen", String(last)); } catch { /* private mode: each tab counts for itself */ }
    if (warning?.open) warning.close();
  }
  if (warning) {
    const warn = (Number(warning.dataset.warn) || 1500) * 1000, end = (Number(warning.dataset.end) || 1800) * 1000;
    const text = warning.querySelector("[data-left]"), go = warning.querySelector("[data-continue]");
    const say = (sentence) => { if (text && text.textContent !== sentence) text.textContent = sentence; };
    let over = false;
    const ended = () => {
      over = true;
      if (go) go.hidden = true;
      say("登录已超时。继续操作时需重新登录，提交的内容不会丢失。");
    };
    seen();
    window.addEventListener("storage", (e) => {
      if (e.key !== "seen") return;
      last = Math.max(last, Number(e.newValue) || 0);
      if (!over && Date.now() - last < warn && warning.open) warning.close();
    });
    setInterval(() => {
      const idle = Date.now() - last;
      if (over || idle < warn) return;
      if (idle >= end) ended();
      else say(`您已有一段时间没有操作，约 ${Math.ceil((end - idle) / 60000)} 分钟后将自动退出。点击“继续”保持登录。`);
      if (!warning.open) warning.showModal();
    }, 1000);
    go?.addEventListener("click", async () => {
      try {
        const answer = await post("/session");
        if (answer.ok && !answer.redirected) seen();
        else ended();
      } catch { say("没有连上服务器，请检查网络后再试。"); }
    });
  }

  // 19. Lists by keyboard: table[data-keys]. j and k, and inside the table the arrows, go from row to row along the links
  //     [data-open]; Enter opens by itself; x ticks the row. Never while somebody types or a dialog is open.
  on("keydown", (e) => {
    const table = d.querySelector("table[data-keys]"), active = d.activeElement;
    if (!table || e.ctrlKey || e.altKey || e.metaKey || e.isComposing || d.querySelector("dialog[open]")) return;
    const inside = table.contains(active);
    if (!inside && active && active !== d.body) return;
    const step = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 }[e.key] || 0;
    if (!inside && (!step || e.key.startsWith("Arrow"))) return;
    const links = all("[data-open]", table), row = active?.closest("tr");
    if (step) {
      const at = links.findIndex((link) => row?.contains(link));
      const next = links[at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + step, 0), links.length - 1)];
      e.preventDefault();
      next?.focus();
      next?.scrollIntoView({ block: "nearest" });
    } else if (e.key === "x") {
      e.preventDefault();
      row?.querySelector("[data-row]:not(:disabled)")?.click();
    }
  });

  // 20. Reviewing by keyboard: form[data-desk]. While nobody types, a digit chooses 处理结果; Ctrl+Enter sends the form by
  //     its button [data-send]. [data-answered="ID"] counts the answers inside #ID; button[data-insert="ID"] puts its words
  //     into that field, where the caret is. A page that follows a deed begins at its heading [data-arrived].
  const desk = () => d.querySelector("form[data-desk]");
  on("keydown", (e) => {
    const form = desk();
    if (!form || e.isComposing || e.altKey || d.querySelector("dialog[open]")) return;
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
      if (e.target.form && e.target.form !== form) return;
      e.preventDefault();
      form.requestSubmit(form.querySelector("[data-send]"));
      return;
    }
    const typing = e.target.matches?.("input:not([type=radio]):not([type=checkbox]), textarea, select");
    if (typing || e.ctrlKey || e.metaKey || !/^[1-9]$/.test(e.key)) return;
    const choice = all('input[name="decision"]', form)[Number(e.key) - 1];
    if (!choice) return;
    e.preventDefault();
    choice.focus();
    if (!choice.checked) choice.click();
  });
  on("change", () => all("[data-answered]").forEach((place) => {
    const card = d.getElementById(place.dataset.answered), number = place.querySelector(".num");
    const text = `${all(":checked", card).length} / ${all("fieldset", card).length}`;
    if (number && number.textContent !== text) number.textContent = text;
  }));
  on("click", (e) => {
    const button = e.target.closest("[data-insert]"), field = button && d.getElementById(button.dataset.insert);
    if (!field) return;
    e.preventDefault();
    const before = field.value.slice(0, field.selectionStart), after = field.value.slice(field.selectionEnd);
    const text = (before && !before.endsWith("\n") ? "\n" : "") + button.textContent.trim();
    field.setRangeText(text + (after && !after.startsWith("\n") ? "\n" : ""), before.length, field.value.length - after.length, "end");
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  if (!location.hash) d.querySelector("[data-arrived]")?.focus();

  function refresh() {
    mirrorChoices();
    all("[data-q]").forEach((input) => { if (input.value) quantity(input); });
    all("[data-max]").forEach(remaining);
    searchable();
  }
  refresh();
  focusErrors();
})();
