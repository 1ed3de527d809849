-- 今日提醒 asks what became of one's own 预核销 of the last months.
CREATE INDEX pre_write_off_declarer ON pre_write_off (declared_by, declared_at);
