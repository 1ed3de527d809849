-- What lists ask of a certificate without reading its lines, kept by every deed under the certificate's lock and
-- recounted by `mianban doctor`.

ALTER TABLE certificate ADD COLUMN lines BIGINT NOT NULL DEFAULT 0;
-- Lines that are not finished (written_off < required, I4).
ALTER TABLE certificate ADD COLUMN open_lines BIGINT NOT NULL DEFAULT 0;
-- Lines of which something is written off, in either unit.
ALTER TABLE certificate ADD COLUMN written_lines BIGINT NOT NULL DEFAULT 0;
-- Lines of which something is declared and not yet decided, in either unit.
ALTER TABLE certificate ADD COLUMN pending_lines BIGINT NOT NULL DEFAULT 0;

UPDATE certificate SET
    lines = (SELECT COUNT(*) FROM certificate_item i WHERE i.certificate_id = certificate.id),
    open_lines = (SELECT COUNT(*) FROM certificate_item i WHERE i.certificate_id = certificate.id
        AND i.written_off < i.required),
    written_lines = (SELECT COUNT(*) FROM certificate_item i WHERE i.certificate_id = certificate.id
        AND (i.written_off > 0 OR i.hs_written_off > 0)),
    pending_lines = (SELECT COUNT(*) FROM certificate_item i WHERE i.certificate_id = certificate.id
        AND (i.pending > 0 OR i.hs_pending > 0));
