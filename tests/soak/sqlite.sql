-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) The vmm authors
-- A database that is filled, changed, asked and checked; a state that a linear congruential generator makes stands for chance.
create table part (id integer primary key, name text, weight real, kind integer);
begin;
with recursive state(n, x) as (select 1, 12345 union all
  select n + 1, (x * 1103515245 + 12345) % 2147483648 from state where n < 20000)
insert into part select n, printf('part-%08x', x), x / 1024.0, x % 97 from state;
commit;
create index part_name on part(name);
create index part_kind on part(kind, weight);
pragma integrity_check;
select kind, count(*), printf('%.17g', sum(weight)), printf('%.17g', avg(weight)), min(name), max(name) from part
  group by kind order by kind limit 20;
update part set weight = weight * 1.0625, name = name || '-changed' where kind % 7 = 3;
delete from part where kind % 11 = 5;
pragma integrity_check;
select count(*), printf('%.17g', total(a.weight * b.weight)) from part a join part b on b.id = a.kind * 31 + 1;
vacuum;
pragma integrity_check;
select count(*), printf('%.17g', total(weight)) from part where name like '%a_%-changed';
