const $ = (id) => document.getElementById(id);

// Errors stand where the fault is: below the field with that id, or in the form's foot.
export function clear(form) {
  for (const one of form.querySelectorAll(".error")) one.hidden = true;
  for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
}
export function complain(form, id, message) {
  const place = $(`${id}-error`) ?? $(`${form.id}-error`), field = $(id);
  place.textContent = message;
  place.hidden = false;
  if (field && field !== form) {
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }
}
