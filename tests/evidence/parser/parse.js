// Prints, as JSON, what CircleCI's own parser says of each file: null, or why it refuses it.
const fs = require("fs");
const { parseConfig } = require("@circleci/circleci-config-parser");

console.log = console.error; // the parser prints as it goes
const answers = {};
for (const file of process.argv.slice(2)) {
  try {
    parseConfig(fs.readFileSync(file, "utf8"));
    answers[file] = null;
  } catch (error) {
    answers[file] = String((error && error.message) || error);
  }
}
process.stdout.write(JSON.stringify(answers));
