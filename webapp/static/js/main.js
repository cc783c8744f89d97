/* Every page works without; with this it is quicker. */

import "./keys.js";
import "./choices.js";
import "./open.js";
import "./finder.js";
import "./focus.js";
import "./status.js";
import "./refusals.js";
import "./stream.js";
import "./countdown.js";
import "./drafts.js";
