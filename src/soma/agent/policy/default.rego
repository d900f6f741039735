# The policy of a fresh installation. Nothing is allowed unless a rule allows it, and one denial outweighs any
# number of allowances. `input` is a PolicyInput, `data.settings` is DEFAULT_DATA of rego.py.
package soma

default verdict := {"allow": false, "rule": "default_deny", "reason": "no rule allows this action"}

verdict := {"allow": false, "rule": rule, "reason": reason} if {
	count(denials) > 0
	[rule, reason] := sort([d | some d in denials])[0]
} else := {"allow": true, "rule": rule, "reason": reason} if {
	[rule, reason] := sort([a | some a in allowances])[0]
}

# What no role may do.

denials contains ["tool_not_in_capsule", sprintf("the agent's capsule does not enable %s", [input.tool.name])] if {
	input.action == "tool:execute"
	not input.tool.name in input.capsule.tools
}

denials contains ["tainted_egress", sprintf("argument %s carries text of a memory or a tool result out of the system", [name])] if {
	input.action == "tool:execute"
	input.tool.egress
	some name in input.taint
}

denials contains ["tainted_write", sprintf("argument %s carries text of a memory, a document or a tool result; only what the user's own message says may be written", [name])] if {
	input.action == "tool:execute"
	not input.tool.category in data.settings.read_only_categories
	some name in input.taint
}

denials contains ["unconfirmed_erase", "the user's message is no plain yes to a proposal that they asked for in the turn before: call it with `what`, and ask"] if {
	input.action == "tool:execute"
	input.tool.category == "erase"
	input.arguments.confirmed
	count(input.confirmed) == 0
}

denials contains ["viewer_read_only", sprintf("viewers may not use tools of category %s", [input.tool.category])] if {
	input.action == "tool:execute"
	not may_write
	not input.tool.category in data.settings.read_only_categories
}

# What a role may do.

allowances contains ["member_tool", "members and owners may use the tools of the capsule"] if {
	input.action == "tool:execute"
	may_write
	input.tool.name in input.capsule.tools
}

allowances contains ["viewer_tool", "viewers may use tools that only read"] if {
	input.action == "tool:execute"
	"viewer" in input.roles
	input.tool.name in input.capsule.tools
	input.tool.category in data.settings.read_only_categories
}

allowances contains ["member_model", "members and owners may talk to the models of the capsule"] if {
	input.action == "model:use"
	some role in input.roles
	role in data.settings.known_roles
}

allowances contains ["member_memory", "everyone may read what is theirs"] if {
	input.action == "memory:read"
	some role in input.roles
	role in data.settings.known_roles
}

allowances contains ["member_memory_write", "members and owners may write memories"] if {
	input.action == "memory:write"
	may_write
}

may_write if {
	some role in input.roles
	role in data.settings.writing_roles
}
