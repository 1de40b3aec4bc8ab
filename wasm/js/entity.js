// Which of the entities that the person may act for this tab is for: a token is for
// one, and the page loads again for another.

const NAME = 'countersign.entity';

const kept = () => { try { return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME); } catch { return null; } };

// acting is the configuration for the entity that was chosen last, in this tab or in
// another, or for the first.
export function acting(config) {
  const { entities = [], token_url } = config;
  if (entities.length < 2) return config;
  const last = kept(), { id } = entities.find((e) => e.id === last) ?? entities[0];
  return { ...config, entity: id, token_url: `${token_url}${token_url.includes('?') ? '&' : '?'}entity=${encodeURIComponent(id)}` };
}

// change acts for another entity: what is shown belongs to the one before, so the page
// begins at its start where the address is its own.
export function change(id, routing) {
  try { for (const s of [sessionStorage, localStorage]) s.setItem(NAME, id); } catch { return; }
  if (routing) location.assign('/');
  else location.reload();
}
