-- What Argo CD shows for SIEModel, SIEPool and SIEBundle: one script for all three, by the conditions that they share.
-- Argo CD gives scripts no libraries, so this uses none. Text is joined only where it is known to be there.

local progress = { status = "Progressing", message = "Waiting for the operator to look at it" }

if obj.metadata.deletionTimestamp ~= nil then
  progress.message = "Being deleted"
  return progress
end

local annotations = obj.metadata.annotations
if annotations ~= nil and annotations["sie.dev/paused"] == "true" then
  return { status = "Suspended", message = "Paused by the annotation sie.dev/paused" }
end
if obj.spec ~= nil and obj.spec.suspend == true then
  return { status = "Suspended", message = "Suspended by spec.suspend" }
end

local status = obj.status
if status == nil or status.conditions == nil then
  return progress
end

-- The outcome of an older spec says nothing of this one. Conditions without a generation have no outcome yet.
if status.observedGeneration == nil or status.observedGeneration ~= obj.metadata.generation then
  progress.message = "Waiting for the operator to look at the newest spec"
  return progress
end

local found = {}
for _, condition in ipairs(status.conditions) do
  found[condition.type] = condition
end

local function explain(condition)
  local reason = condition.reason or condition.type
  if condition.message == nil or condition.message == "" then
    return reason
  end
  return reason .. ": " .. condition.message
end

local stalled, reconciling, ready = found["Stalled"], found["Reconciling"], found["Ready"]
if stalled ~= nil and stalled.status == "True" then
  return { status = "Degraded", message = explain(stalled) }
end
if reconciling ~= nil and reconciling.status == "True" then
  progress.message = explain(reconciling)
  return progress
end
if ready == nil then
  return progress
end
if ready.status == "True" then
  return { status = "Healthy", message = explain(ready) }
end
progress.message = explain(ready)
return progress
