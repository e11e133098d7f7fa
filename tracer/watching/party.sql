-- name: linked
-- `asked` holds (address_id integer)
SELECT asked.address_id, coalesce(c.cluster_id, asked.address_id) AS cluster_id, a.kind, a.payload
FROM asked JOIN (SELECT * FROM address WHERE address_id IN (SELECT address_id FROM asked)) AS a USING (address_id)
LEFT JOIN (SELECT * FROM cluster WHERE address_id IN (SELECT address_id FROM asked)) AS c USING (address_id)
ORDER BY asked.address_id;
-- name: speaking
-- which of `tag` (row int64, kind uint8, payload blob) name a member of one of these clusters (`asked`: cluster_id integer)
WITH member AS MATERIALIZED (
    SELECT address_id FROM cluster_member WHERE cluster_id IN (SELECT cluster_id FROM asked)
)
SELECT DISTINCT tag.row FROM address JOIN tag USING (kind, payload)
WHERE address_id IN (SELECT address_id FROM member) ORDER BY tag.row;
