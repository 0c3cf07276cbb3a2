import { asWheelsError } from "../../../errors/wheels-error.ts";
import { removeLeftovers, showFailure } from "../github.ts";

try {
  await removeLeftovers();
} catch (thrown) {
  const error = asWheelsError(thrown);
  await showFailure(process.env, error);
  process.exitCode = error.exit;
}
