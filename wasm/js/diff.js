// Two versions of an object against each other, line by line.

const same = (a, b) => a.label === b.label && a.value === b.value;

// compared says of each line whether it was added, removed or kept, in the order of the
// versions: the most lines are kept that can be (longest common subsequence).
export function compared(before, after) {
  const n = before.length, m = after.length, common = Array.from({ length: n + 1 }, () => new Uint16Array(m + 1));
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) common[i][j] = same(before[i], after[j]) ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  }
  const all = [];
  for (let i = 0, j = 0; i < n || j < m;) {
    if (i < n && j < m && same(before[i], after[j])) { all.push({ mark: 'kept', ...after[j++] }); i++; }
    else if (i < n && (j === m || common[i + 1][j] >= common[i][j + 1])) all.push({ mark: 'removed', ...before[i++] });
    else all.push({ mark: 'added', ...after[j++] });
  }
  return all;
}
