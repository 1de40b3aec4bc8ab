// save has the browser save a text, or bytes, as a file.
export function save({ name, text, type = 'text/csv' }) {
  const a = document.createElement('a');
  a.href = URL.createObjectURL(new Blob([text], { type: typeof text === 'string' ? `${type};charset=utf-8` : type }));
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
}
