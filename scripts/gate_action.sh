#!/bin/sh
# The gate step of action.yml: runs the gate, sets its outputs, and ends with the gate's exit code.
set -u
code=0
cvalues gate --baseline "$BASELINE" --candidate "$CANDIDATE" --policy "$POLICY" \
  ${PASSPORT:+--passport "$PASSPORT"} --store "$STORE" \
  ${OLD_STORE:+--baseline-store "$OLD_STORE"} \
  ${OLD_ANSWERS:+--baseline-answers "$OLD_ANSWERS"} \
  ${NEW_ANSWERS:+--candidate-answers "$NEW_ANSWERS"} \
  $([ "${SIMULATED:-false}" = true ] && echo --allow-simulated) \
  --summary "$GITHUB_STEP_SUMMARY" --junit cvalues-gate.xml --sarif cvalues-gate.sarif \
  --out-json cvalues-gate.json --report cvalues-gate.html || code=$?
if [ -f cvalues-gate.json ]; then
  python - "$code" >> "$GITHUB_OUTPUT" <<'PY'
import json
import sys

gate = json.load(open("cvalues-gate.json", encoding="utf-8"))
needed = max((each.get("labels_needed") or 0 for each in gate["checks"]), default=0)
print(f"decision={gate['decision']}\nexit-code={sys.argv[1]}\nlabels-needed={needed}")
PY
fi
exit "$code"
