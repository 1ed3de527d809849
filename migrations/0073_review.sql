-- 审核要点 and 常用意见: what a post looks at before it decides, and the words in which it does (R-B-01 to -05, -13).

-- Lists inside a column are separated by semicolons; an empty one means any.
CREATE TABLE review_point (
    code TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    hint TEXT NOT NULL,
    posts TEXT NOT NULL,
    clause_codes TEXT NOT NULL,
    hs_prefixes TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL
);
CREATE TABLE shared_phrase (
    code TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    posts TEXT NOT NULL,
    -- Words of decisions.
    decisions TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL
);

-- Phrases that an officer keeps for himself.
CREATE TABLE own_phrase (
    id @ID@,
    account_id BIGINT NOT NULL REFERENCES account (id),
    text TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX own_phrase_text ON own_phrase (account_id, text);

-- 暂存: a decision that an officer has begun at a post. It never touches the application.
CREATE TABLE decision_draft (
    application_id BIGINT NOT NULL REFERENCES application (id),
    account_id BIGINT NOT NULL REFERENCES account (id),
    post TEXT NOT NULL,
    -- The form as the browser sends it.
    body TEXT NOT NULL,
    saved_at BIGINT NOT NULL,
    PRIMARY KEY (application_id, account_id)
);

-- For installations that have imported their reference data already; the same as reference/*.csv.
INSERT INTO review_point (code, text, hint, posts, clause_codes, hs_prefixes, ordinal, valid_from, valid_to) VALUES
    ('entry-complete', '申请信息完整、填写规范', '申请单位、联系方式、最终使用地、用途及免办理由', 'accept', '', '', 10, '0001-01-01', '9999-12-31'),
    ('documents-complete', '附件种类齐全', '营业执照、责任担保书、产品符合性声明及该条款要求的材料', 'accept', '', '', 20, '0001-01-01', '9999-12-31'),
    ('documents-legible', '附件清晰、签章齐全', '内容可辨认，签字盖章与申请单位一致', 'accept;first_review', '', '', 30, '0001-01-01', '9999-12-31'),
    ('in-jurisdiction', '最终使用地属本局辖区', '行政区划与使用单位地址一致', 'accept', '', '', 40, '0001-01-01', '9999-12-31'),
    ('clause-purpose', '免办条款与用途一致', '用途及免办理由能说明符合所选条款', 'accept;first_review;final_review', '', '', 50, '0001-01-01', '9999-12-31'),
    ('trade-mode', '贸易方式与免办条款相符', '', 'first_review', '1;2;3;4;5;9', '', 60, '0001-01-01', '9999-12-31'),
    ('in-catalogue', '产品属于认证目录', 'HS 编码与产品名称、产品特性对应', 'first_review', '', '', 70, '0001-01-01', '9999-12-31'),
    ('papers-agree', '合同、发票与产品一致', '型号、数量、金额', 'first_review', '', '', 80, '0001-01-01', '9999-12-31'),
    ('quantity-reasonable', '数量与用途相称', '', 'first_review;final_review', '', '', 90, '0001-01-01', '9999-12-31'),
    ('conformity', '产品符合性声明可信', '含型式试验报告或检测数据，型号覆盖所报产品', 'first_review', '', '', 100, '0001-01-01', '9999-12-31'),
    ('review-consistent', '初审意见与材料相符', '退回、补正的问题已解决', 'final_review', '', '', 110, '0001-01-01', '9999-12-31'),
    ('aftercare-clear', '后续处理方式明确', '退运、销毁或使用去向，时间和责任人可追溯', 'final_review', '1;5;6;9', '', 120, '0001-01-01', '9999-12-31'),
    ('original-matches', '纸质原件与上传附件一致', '逐份核对页数、签章、日期', 'compare', '', '', 130, '0001-01-01', '9999-12-31'),
    ('contract-number', '合同号与合同一致', '', 'compare', '', '', 140, '0001-01-01', '9999-12-31'),
    ('invoice-number', '发票号与发票一致', '', 'compare', '', '', 150, '0001-01-01', '9999-12-31'),
    ('bill-number', '提/运单号与提/运单一致', '未填写时选不适用', 'compare', '', '', 160, '0001-01-01', '9999-12-31'),
    ('seal-genuine', '印章、签字真实', '与备案或营业执照一致，无涂改', 'compare', '', '', 170, '0001-01-01', '9999-12-31'),
    ('sheet-correct', '证明内容无误', '申请单位、条款、最终使用地、附表产品', 'issue', '', '', 180, '0001-01-01', '9999-12-31'),
    ('validity-fits', '有效期与预计进口日期相符', '', 'issue', '', '', 190, '0001-01-01', '9999-12-31'),
    ('opinions-closed', '各岗位意见均已办结', '没有待补正或待送的材料', 'issue', '', '', 200, '0001-01-01', '9999-12-31'),
    ('c1-plan', '科研、测试计划明确', '条款 1：任务书或检测合同，样品数量与试验方案对应', 'first_review', '1', '', 210, '0001-01-01', '9999-12-31'),
    ('c1-not-sold', '样品不销售、不交付消费者', '条款 1：测试结束后退运、销毁或说明去向', 'first_review;final_review', '1', '', 220, '0001-01-01', '9999-12-31'),
    ('c2-line-import', '技术引进生产线有进口凭证', '条款 2：进口报关单或技术引进合同', 'first_review', '2', '', 230, '0001-01-01', '9999-12-31'),
    ('c2-trial-plan', '考核计划与零部件数量对应', '条款 2：考核产出的产品不得在认证前销售', 'first_review;final_review', '2', '', 240, '0001-01-01', '9999-12-31'),
    ('c3-end-user', '最终用户和被维修设备明确', '条款 3：维修合同或设备证明', 'first_review', '3', '', 250, '0001-01-01', '9999-12-31'),
    ('c3-parts-only', '仅用于维修，不作为整机销售', '条款 3：零部件清单与设备型号对应', 'first_review;final_review', '3', '', 260, '0001-01-01', '9999-12-31'),
    ('c4-line-layout', '设备与生产线配套', '条款 4：生产线说明、布置图、设备清单', 'first_review', '4', '', 270, '0001-01-01', '9999-12-31'),
    ('c4-no-office', '不含办公用品', '条款 4：不属于办公、生活用品', 'first_review;final_review', '4', '', 280, '0001-01-01', '9999-12-31'),
    ('c5-display', '展示时间、地点、方案明确', '条款 5：展示方案或展会邀请', 'first_review', '5', '', 290, '0001-01-01', '9999-12-31'),
    ('c5-afterwards', '展后处理方式明确', '条款 5：退运、销毁，不得销售', 'first_review;final_review', '5', '', 300, '0001-01-01', '9999-12-31'),
    ('c6-guarantee', '暂时进境凭证有效', '条款 6：ATA 单证册或海关担保，期限覆盖使用期', 'first_review', '6', '', 310, '0001-01-01', '9999-12-31'),
    ('c6-trade-mode', '贸易方式为暂时进出境或展览品', '条款 6', 'accept;first_review', '6', '', 320, '0001-01-01', '9999-12-31'),
    ('c6-whole-return', '承诺全部退运出境', '条款 6：退运时间明确', 'final_review', '6', '', 330, '0001-01-01', '9999-12-31'),
    ('c7-export-contract', '整机出口合同有效', '条款 7：零部件与出口整机对应，全数出口', 'first_review;final_review', '7', '', 340, '0001-01-01', '9999-12-31'),
    ('c7-trade-mode', '贸易方式为一般贸易', '条款 7', 'accept;first_review', '7', '', 350, '0001-01-01', '9999-12-31'),
    ('c8-handbook', '加工贸易手册或账册有效', '条款 8：料件、成品与单耗对应，全数出口', 'first_review;final_review', '8', '', 360, '0001-01-01', '9999-12-31'),
    ('c8-trade-mode', '贸易方式为进料或来料加工', '条款 8', 'accept;first_review', '8', '', 370, '0001-01-01', '9999-12-31'),
    ('c9-special', '特殊用途有主管部门证明', '条款 9：不属于其他条款，理由充分', 'first_review;final_review', '9', '', 380, '0001-01-01', '9999-12-31'),
    ('hs-vehicle', '车辆识别代号、数量与用途一致', '车辆及摩托车：不得上牌销售', 'first_review', '', '8701;8702;8703;8704;8705;8706;8711;8716', 390, '0001-01-01', '9999-12-31'),
    ('hs-vehicle-parts', '车型、零件号与清单一致', '轮胎、安全玻璃、灯具、后视镜等车辆部件', 'first_review', '', '4011;4013;7007;7009;8512;8708;9401', 400, '0001-01-01', '9999-12-31'),
    ('hs-appliance', '额定电压、功率与铭牌一致', '家用电器', 'first_review', '', '8414;8415;8418;8450;8508;8509;8510;8516', 410, '0001-01-01', '9999-12-31'),
    ('hs-information', '整机与部件区分清楚', '信息技术、电信终端：注明型号和软硬件版本', 'first_review', '', '8443;8470;8471;8517', 420, '0001-01-01', '9999-12-31'),
    ('hs-audio-video', '屏幕尺寸、接口与型号一致', '音视频设备', 'first_review', '', '8518;8519;8521;8527;8528', 430, '0001-01-01', '9999-12-31'),
    ('hs-cable', '规格型号、截面和长度一致', '电线电缆：数量单位换算无误', 'first_review', '', '8544', 440, '0001-01-01', '9999-12-31'),
    ('hs-low-voltage', '额定电流、分断能力与说明书一致', '低压电器、开关及连接装置', 'first_review', '', '8535;8536;8537', 450, '0001-01-01', '9999-12-31'),
    ('hs-motor-tool', '额定功率与说明书一致', '小功率电动机、电动工具、电焊机；防爆产品另有防爆合格证', 'first_review', '', '8467;8501;8515', 460, '0001-01-01', '9999-12-31'),
    ('hs-lighting', '光源类型和控制装置明确', '照明电器', 'first_review', '', '8504;9405', 470, '0001-01-01', '9999-12-31'),
    ('hs-battery', '电池运输和安全资料齐全', '锂离子电池：容量与 UN38.3 报告', 'first_review', '', '8507', 480, '0001-01-01', '9999-12-31'),
    ('hs-medical-fire', '主管部门许可已核对', '医疗器械、消防产品', 'first_review', '', '4014;5909;8424;8531;9018;9021;9022', 490, '0001-01-01', '9999-12-31'),
    ('hs-gas', '气源类别与国内一致', '家用燃气器具', 'first_review', '', '7321;8403;8419', 500, '0001-01-01', '9999-12-31'),
    ('hs-children', '适用年龄和警示说明齐全', '童车、玩具', 'first_review', '', '8712;9503', 510, '0001-01-01', '9999-12-31');
INSERT INTO shared_phrase (code, text, posts, decisions, ordinal, valid_from, valid_to) VALUES
    ('accept-complete', '材料齐全，符合受理要求，准予受理。', 'accept', 'accept', 10, '0001-01-01', '9999-12-31'),
    ('accept-after-correction', '已按要求补正，准予受理。', 'accept', 'accept', 20, '0001-01-01', '9999-12-31'),
    ('return-entry', '申请信息填写不完整，请补充：', 'accept;first_review', 'return', 30, '0001-01-01', '9999-12-31'),
    ('return-documents', '请补充上传该免办条款要求的证明材料：', 'accept;first_review;final_review', 'return', 40, '0001-01-01', '9999-12-31'),
    ('return-seal', '附件未盖章或签字不全，请盖章签字后重新上传。', 'accept;first_review;compare', 'return', 50, '0001-01-01', '9999-12-31'),
    ('return-legible', '附件不清晰，请重新扫描后上传。', 'accept;first_review', 'return', 60, '0001-01-01', '9999-12-31'),
    ('return-model', '产品型号与合同、发票不一致，请核对规格/型号。', 'first_review;final_review;compare', 'return', 70, '0001-01-01', '9999-12-31'),
    ('return-quantity', '数量与用途不相称，请说明数量的计算依据。', 'first_review;final_review', 'return', 80, '0001-01-01', '9999-12-31'),
    ('return-purpose', '用途及免办理由不足以说明符合所选免办条款，请补充说明。', 'accept;first_review;final_review', 'return', 90, '0001-01-01', '9999-12-31'),
    ('return-nameplate', '请补充产品铭牌图片和技术说明书。', 'first_review', 'return', 100, '0001-01-01', '9999-12-31'),
    ('return-aftercare', '请说明使用结束后的处理方式、时间和责任人。', 'first_review;final_review', 'return', 110, '0001-01-01', '9999-12-31'),
    ('refuse-jurisdiction', '产品最终使用地不属于本局辖区，不予受理，请向最终使用地检验检疫局申请。', 'accept', 'refuse', 120, '0001-01-01', '9999-12-31'),
    ('refuse-clause', '所述用途不属于免于办理强制性产品认证的情形，不予受理。', 'accept', 'refuse', 130, '0001-01-01', '9999-12-31'),
    ('refuse-not-needed', '所报产品不在强制性产品认证目录内，无需办理，不予受理。', 'accept', 'refuse', 140, '0001-01-01', '9999-12-31'),
    ('pass-first', '经审核，用途符合所选免办条款，材料齐全一致，同意通过。', 'first_review', 'pass', 150, '0001-01-01', '9999-12-31'),
    ('pass-first-corrected', '补正后的材料符合要求，同意通过。', 'first_review;final_review', 'pass', 160, '0001-01-01', '9999-12-31'),
    ('pass-final', '同意初审意见。', 'final_review', 'pass', 170, '0001-01-01', '9999-12-31'),
    ('pass-compare', '纸质材料与上传附件一致，对比通过。', 'compare', 'pass', 180, '0001-01-01', '9999-12-31'),
    ('fail-clause', '用途不符合所选免办条款，不予通过。', 'first_review;final_review', 'fail', 190, '0001-01-01', '9999-12-31'),
    ('fail-documents', '补正后材料仍不能证明符合免办条件，不予通过。', 'first_review;final_review', 'fail', 200, '0001-01-01', '9999-12-31'),
    ('fail-compare', '纸质材料与上传附件不一致，对比未通过。', 'compare', 'fail', 210, '0001-01-01', '9999-12-31'),
    ('paper-originals', '请送交合同、发票、提/运单原件供核对。', 'compare', 'request_paper', 220, '0001-01-01', '9999-12-31'),
    ('paper-arrived', '纸质材料已收到，继续对比。', 'compare', 'paper_arrived', 230, '0001-01-01', '9999-12-31'),
    ('issue-agreed', '同意发证。', 'issue', 'issue', 240, '0001-01-01', '9999-12-31');
