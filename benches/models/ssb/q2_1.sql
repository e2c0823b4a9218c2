SELECT d_year, p_brand1, SUM(lo_revenue) AS revenue
FROM lineorder
INNER JOIN dates ON lo_orderdate = d_datekey
INNER JOIN part ON lo_partkey = p_partkey
INNER JOIN supplier ON lo_suppkey = s_suppkey
WHERE p_category = 'MFGR#12' AND s_region = 'AMERICA'
GROUP BY d_year, p_brand1
ORDER BY d_year, p_brand1
