/* SPDX-License-Identifier: BSD-3-Clause */
/* The fields of the Elastic Common Schema, version 8.11.0, that a pattern may name, with the types
 * that are not text; and those fields of ours that a report fills.
 *
 * A set is a list of names, each with a letter for its type: l long, p a long that is a port or the
 * like, f float, d date, b boolean, i ip, o what has no text (objects, nested, flattened, geo_point);
 * none is a text. Beside the schema's types: c a country, s and a words of an envelope, h an
 * install_id. "geo.*" stands for the set "geo" below "geo", "target.*user" for the set "user"
 * below "target". Where the schema has fields below one that is an object, only those are here. */
#include "format.h"

#include <string.h>

struct set {
	const char *name;
	const char *fields;
};

/** Sets that others use. */
static const struct set shared[] = {
	{"code_signature",
	 "digest_algorithm exists:b signing_id status subject_name team_id timestamp:d "
	 "trusted:b valid:b"},
	{"data", "bytes strings type"},
	{"destination",
	 "address as.number:l as.organization.name bytes:l domain geo.* ip:i mac nat.ip:i "
	 "nat.port:p packets:l port:p registered_domain subdomain top_level_domain user.*"},
	{"elf", "architecture byte_order cpu_type creation_date:d exports:o go_import_hash "
		"go_imports:o go_imports_names_entropy:l go_imports_names_var_entropy:l "
		"go_stripped:b header.* import_hash imports:o imports_names_entropy:l "
		"imports_names_var_entropy:l sections.* segments.sections segments.type "
		"shared_libraries telfhash"},
	{"file", "accessed:d attributes code_signature.* created:d ctime:d device directory "
		 "drive_letter elf.* extension fork_name gid group hash.* inode mime_type mode "
		 "mtime:d name owner path pe.* size:l target_path type uid x509.*"},
	{"geo",
	 "city_name continent_code continent_name country_iso_code:c country_name location:o "
	 "name postal_code region_iso_code region_name timezone"},
	{"group", "domain id name"},
	{"hash", "md5 sha1 sha256 sha384 sha512 ssdeep tlsh"},
	{"hash_2", "md5 sha1 sha256"},
	{"header", "abi_version class data entrypoint:l object_version os_abi type version"},
	{"indicator",
	 "as.number:l as.organization.name confidence description email.address file.* "
	 "first_seen:d geo.* ip:i last_seen:d marking.tlp marking.tlp_version modified_at:d "
	 "name port:p provider reference registry.* scanner_stats:l sightings:l type url.* "
	 "x509.*"},
	{"issuer",
	 "common_name country distinguished_name locality organization organizational_unit "
	 "state_or_province"},
	{"macho",
	 "go_import_hash go_imports:o go_imports_names_entropy:l "
	 "go_imports_names_var_entropy:l go_stripped:b import_hash imports:o "
	 "imports_names_entropy:l imports_names_var_entropy:l sections.*sections_2 symhash"},
	{"node", "name role roles"},
	{"origin",
	 "account.id account.name availability_zone instance.id instance.name machine.type "
	 "project.id project.name provider region service.name"},
	{"origin_2", "address environment ephemeral_id id name node.* state type version"},
	{"parent", "entity_id pid:l session_leader.* start:d vpid:l"},
	{"pe", "architecture company description file_version go_import_hash go_imports:o "
	       "go_imports_names_entropy:l go_imports_names_var_entropy:l go_stripped:b imphash "
	       "import_hash imports:o imports_names_entropy:l imports_names_var_entropy:l "
	       "original_file_name pehash product sections.*sections_2"},
	{"registry", "data.* hive key path value"},
	{"risk", "calculated_level calculated_score:f calculated_score_norm:f static_level "
		 "static_score:f static_score_norm:f"},
	{"sections",
	 "chi2:l entropy:l flags name physical_offset physical_size:l type var_entropy:l "
	 "virtual_address:l virtual_size:l"},
	{"sections_2", "entropy:l name physical_size:l var_entropy:l virtual_size:l"},
	{"session_leader", "entity_id pid:l start:d vpid:l"},
	{"tactic", "id name reference"},
	{"thread", "capabilities.effective capabilities.permitted id:l name"},
	{"url", "domain extension fragment full original password path port:p query "
		"registered_domain scheme subdomain top_level_domain username"},
	{"user", "domain email full_name group.* hash id name roles"},
	{"x509", "alternative_names issuer.* not_after:d not_before:d public_key_algorithm "
		 "public_key_curve public_key_exponent:l public_key_size:l serial_number "
		 "signature_algorithm subject.*issuer version_number"},
};

/** What names begin with. */
static const struct set outermost[] = {
	{"agent", "build.original ephemeral_id id name type version"},
	{"client", "geo.*"},
	{"cloud",
	 "account.id account.name availability_zone instance.id instance.name machine.type "
	 "origin.* project.id project.name provider region service.name target.*origin"},
	{"container",
	 "cpu.usage:f disk.read.bytes:l disk.write.bytes:l id image.hash.all image.name "
	 "image.tag labels:o memory.usage:f name network.egress.bytes:l "
	 "network.ingress.bytes:l runtime security_context.privileged:b"},
	{"destination", "*destination"},
	{"device", "id manufacturer model.identifier model.name"},
	{"dll", "code_signature.* hash.* name path pe.*"},
	{"email",
	 "attachments.file.extension attachments.file.hash.* attachments.file.mime_type "
	 "attachments.file.name attachments.file.size:l bcc.address cc.address content_type "
	 "delivery_timestamp:d direction from.address local_id message_id "
	 "origination_timestamp:d reply_to.address sender.address subject to.address "
	 "x_mailer"},
	{"error", "code id message stack_trace type"},
	{"event", "duration:l start:d"},
	{"faas", "coldstart:b execution id name trigger.request_id trigger.type version"},
	{"file", "accessed:d attributes code_signature.* created:d ctime:d device directory "
		 "drive_letter elf.* extension fork_name gid group hash.* inode macho.* mime_type "
		 "mode mtime:d name owner path pe.* size:l target_path type uid x509.*"},
	{"group", "*group"},
	{"host",
	 "architecture boot.id cpu.usage:f disk.read.bytes:l disk.write.bytes:l domain geo.* "
	 "hostname id ip:i mac name network.egress.bytes:l network.egress.packets:l "
	 "network.ingress.bytes:l network.ingress.packets:l os.family os.full os.kernel "
	 "os.name os.platform os.type os.version pid_ns_ino risk.* type uptime:l"},
	{"http", "request.body.bytes:l request.body.content request.bytes:l request.id "
		 "request.method request.mime_type request.referrer response.body.bytes:l "
		 "response.body.content response.bytes:l response.mime_type response.status_code:p "
		 "version"},
	{"network", "application"},
	{"orchestrator",
	 "api_version cluster.id cluster.name cluster.url cluster.version namespace "
	 "organization resource.annotation resource.id resource.ip:i resource.label "
	 "resource.name resource.parent.type resource.type type"},
	{"organization", "id name"},
	{"package",
	 "architecture build_version checksum description install_scope installed:d license "
	 "name path reference size:l type version"},
	{"process",
	 "args args_count:l code_signature.* command_line elf.* end:d entity_id "
	 "entry_leader.args entry_leader.args_count:l entry_leader.attested_groups.name "
	 "entry_leader.attested_user.id entry_leader.attested_user.name "
	 "entry_leader.command_line entry_leader.entity_id "
	 "entry_leader.entry_meta.source.ip:i entry_leader.entry_meta.type "
	 "entry_leader.executable entry_leader.group.id entry_leader.group.name "
	 "entry_leader.interactive:b entry_leader.name entry_leader.parent.* "
	 "entry_leader.pid:l entry_leader.real_group.id entry_leader.real_group.name "
	 "entry_leader.real_user.id entry_leader.real_user.name "
	 "entry_leader.same_as_process:b entry_leader.saved_group.id "
	 "entry_leader.saved_group.name entry_leader.saved_user.id "
	 "entry_leader.saved_user.name entry_leader.start:d "
	 "entry_leader.supplemental_groups.id entry_leader.supplemental_groups.name "
	 "entry_leader.tty.char_device.major:l entry_leader.tty.char_device.minor:l "
	 "entry_leader.user.id entry_leader.user.name entry_leader.vpid:l "
	 "entry_leader.working_directory env_vars executable exit_code:l group_leader.args "
	 "group_leader.args_count:l group_leader.command_line group_leader.entity_id "
	 "group_leader.executable group_leader.group.id group_leader.group.name "
	 "group_leader.interactive:b group_leader.name group_leader.pid:l "
	 "group_leader.real_group.id group_leader.real_group.name group_leader.real_user.id "
	 "group_leader.real_user.name group_leader.same_as_process:b "
	 "group_leader.saved_group.id group_leader.saved_group.name "
	 "group_leader.saved_user.id group_leader.saved_user.name group_leader.start:d "
	 "group_leader.supplemental_groups.id group_leader.supplemental_groups.name "
	 "group_leader.tty.char_device.major:l group_leader.tty.char_device.minor:l "
	 "group_leader.user.id group_leader.user.name group_leader.vpid:l "
	 "group_leader.working_directory hash.* interactive:b io.bytes_skipped.length:l "
	 "io.bytes_skipped.offset:l io.max_bytes_per_process_exceeded:b io.text "
	 "io.total_bytes_captured:l io.total_bytes_skipped:l io.type macho.* name "
	 "parent.args parent.args_count:l parent.code_signature.* parent.command_line "
	 "parent.elf.* parent.end:d parent.entity_id parent.executable parent.exit_code:l "
	 "parent.group.id parent.group.name parent.group_leader.*session_leader "
	 "parent.hash.* parent.interactive:b parent.macho.* parent.name parent.pe.* "
	 "parent.pgid:l parent.pid:l parent.real_group.id parent.real_group.name "
	 "parent.real_user.id parent.real_user.name parent.saved_group.id "
	 "parent.saved_group.name parent.saved_user.id parent.saved_user.name parent.start:d "
	 "parent.supplemental_groups.id parent.supplemental_groups.name parent.thread.* "
	 "parent.title parent.tty.char_device.major:l parent.tty.char_device.minor:l "
	 "parent.uptime:l parent.user.id parent.user.name parent.vpid:l "
	 "parent.working_directory pe.* pgid:l pid:l previous.args previous.args_count:l "
	 "previous.executable real_group.id real_group.name real_user.id real_user.name "
	 "saved_group.id saved_group.name saved_user.id saved_user.name session_leader.args "
	 "session_leader.args_count:l session_leader.command_line session_leader.entity_id "
	 "session_leader.executable session_leader.group.id session_leader.group.name "
	 "session_leader.interactive:b session_leader.name session_leader.parent.* "
	 "session_leader.pid:l session_leader.real_group.id session_leader.real_group.name "
	 "session_leader.real_user.id session_leader.real_user.name "
	 "session_leader.same_as_process:b session_leader.saved_group.id "
	 "session_leader.saved_group.name session_leader.saved_user.id "
	 "session_leader.saved_user.name session_leader.start:d "
	 "session_leader.supplemental_groups.id session_leader.supplemental_groups.name "
	 "session_leader.tty.char_device.major:l session_leader.tty.char_device.minor:l "
	 "session_leader.user.id session_leader.user.name session_leader.vpid:l "
	 "session_leader.working_directory start:d supplemental_groups.id "
	 "supplemental_groups.name thread.* title tty.char_device.major:l "
	 "tty.char_device.minor:l tty.columns:l tty.rows:l uptime:l user.id user.name vpid:l "
	 "working_directory"},
	{"registry", "*registry"},
	{"related", "hash hosts ip:i user"},
	{"rule", "author category description id license name reference ruleset uuid version"},
	{"server", "*destination"},
	{"service", "address environment ephemeral_id id name node.* origin.*origin_2 state "
		    "target.*origin_2 type version"},
	{"sitebound", "access:a attempt:p count:l install_id:h nonce sample_rate:l"},
	{"source", "*destination"},
	{"span", "id"},
	{"threat",
	 "enrichments.indicator.* enrichments.matched.atomic enrichments.matched.field "
	 "enrichments.matched.id enrichments.matched.index enrichments.matched.occurred:d "
	 "enrichments.matched.type feed.dashboard_id feed.description feed.name "
	 "feed.reference framework group.alias group.id group.name group.reference "
	 "indicator.* software.alias software.id software.name software.platforms "
	 "software.reference software.type tactic.* technique.id technique.name "
	 "technique.reference technique.subtechnique.*tactic"},
	{"tls",
	 "cipher client.certificate client.certificate_chain client.hash.*hash_2 "
	 "client.issuer client.ja3 client.not_after:d client.not_before:d client.server_name "
	 "client.subject client.supported_ciphers client.x509.* curve established:b "
	 "next_protocol resumed:b server.certificate server.certificate_chain "
	 "server.hash.*hash_2 server.issuer server.ja3s server.not_after:d "
	 "server.not_before:d server.subject server.x509.* version version_protocol"},
	{"trace", "id"},
	{"transaction", "id"},
	{"url", "*url"},
	{"user", "changes.*user domain effective.*user email full_name group.* hash id name risk.* "
		 "roles target.*user"},
	{"user_agent", "device.name name original os.family os.full os.kernel os.name os.platform "
		       "os.type:s os.version version"},
	{"vulnerability",
	 "category classification description enumeration id reference report_id "
	 "scanner.vendor score.base:f score.environmental:f score.temporal:f score.version "
	 "severity"},
};

static const char *find_set(const struct set *sets, size_t count, const char *name, size_t name_len)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strncmp(sets[i].name, name, name_len) == 0 && sets[i].name[name_len] == '\0')
			return sets[i].fields;
	}
	return NULL;
}

static enum report_field_type type_of_letter(char letter)
{
	switch (letter) {
	case 'l':
		return REPORT_FIELD_NUMBER;
	case 'p':
		return REPORT_FIELD_NUMBER16;
	case 'f':
		return REPORT_FIELD_FRACTION;
	case 'd':
		return REPORT_FIELD_DATE;
	case 'b':
		return REPORT_FIELD_BOOLEAN;
	case 'i':
		return REPORT_FIELD_ADDRESS;
	case 'c':
		return REPORT_FIELD_COUNTRY;
	case 's':
		return REPORT_FIELD_OS_TYPE;
	case 'a':
		return REPORT_FIELD_ACCESS;
	case 'h':
		return REPORT_FIELD_INSTALL_ID;
	case 'o':
		return REPORT_FIELD_NO_TEXT;
	default:
		return REPORT_FIELD_TEXT;
	}
}

/** Look for a name in a set and those that it uses. */
static enum report_field_type find(const char *fields, const char *name)
{
	const size_t count = sizeof(shared) / sizeof(shared[0]);
	const char *at = fields;
	size_t name_len = strlen(name);

	while (*at != '\0') {
		size_t word_len = strcspn(at, " "), path_len = 0, dot;
		const char *set;

		/* the whole of this set is another one */
		if (at[0] != '*')
			path_len = strcspn(at, ":* ");
		if (path_len > 0 && at[path_len] == '*')
			path_len--;
		if (at[path_len] == '.' || at[0] == '*') {
			/* behind the star, or the last word before it */
			set = at + path_len + (at[0] == '*' ? 1 : 2);
			dot = word_len - (size_t)(set - at);
			if (dot == 0) {
				for (set = at + path_len; set > at && set[-1] != '.'; set--)
					;
				dot = (size_t)(at + path_len - set);
			}
			set = find_set(shared, count, set, dot);
			if (at[0] == '*')
				return set != NULL ? find(set, name) : REPORT_FIELD_TEXT;
			if (name_len > path_len && strncmp(name, at, path_len) == 0 &&
			    name[path_len] == '.')
				return set != NULL ? find(set, name + path_len + 1)
						   : REPORT_FIELD_TEXT;
		}
		if (strncmp(name, at, name_len < path_len ? name_len : path_len) == 0) {
			if (name_len == path_len && at[path_len] != '.')
				return type_of_letter(at[path_len] == ':' ? at[path_len + 1] : ' ');
			if (name_len > path_len && path_len > 0 && name[path_len] == '.')
				return REPORT_FIELD_BELOW;
			if (name_len == path_len || (name_len < path_len && at[name_len] == '.'))
				return REPORT_FIELD_OBJECT;
		}
		at += word_len;
		at += *at == ' ';
	}
	return REPORT_FIELD_TEXT;
}

enum report_field_type report_field_type(const char *name)
{
	size_t first_len = strcspn(name, ".");
	const char *fields = find_set(outermost, sizeof(outermost) / sizeof(outermost[0]), name,
				      first_len);

	if (fields == NULL)
		return REPORT_FIELD_TEXT;
	return name[first_len] == '.' ? find(fields, name + first_len + 1) : REPORT_FIELD_OBJECT;
}
