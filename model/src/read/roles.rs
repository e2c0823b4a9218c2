//! Roles. Whatever is not understood inside a role is an error: a permission must never be lost by being passed over.

use crate::tree::{Fields, Object};
use crate::types::{ColumnPermission, MetadataPermission, ModelPermission, Role, TablePermission};

pub(super) fn read(fields: &mut Fields) -> Vec<Role> {
    fields
        .objects("roles")
        .into_iter()
        .map(|object| read_role(fields, object))
        .collect()
}

fn read_role(parent: &mut Fields, object: Object) -> Role {
    let (fields, name) = parent.named(object, "role");
    let mut fields = fields.strictly();
    let role = Role {
        name,
        description: fields.description(),
        permission: fields
            .choice(
                "modelPermission",
                &[
                    ("none", ModelPermission::None),
                    ("read", ModelPermission::Read),
                    ("readRefresh", ModelPermission::ReadRefresh),
                    ("refresh", ModelPermission::Refresh),
                    ("administrator", ModelPermission::Administrator),
                ],
            )
            .unwrap_or_default(),
        tables: fields
            .objects("tablePermissions")
            .into_iter()
            .map(|object| read_table_permission(&mut fields, object))
            .collect(),
        members: fields
            .objects("members")
            .into_iter()
            .map(|object| read_member(&mut fields, object))
            .collect(),
        source: fields.source(),
    };
    finish(fields);
    role
}

const METADATA_PERMISSIONS: &[(&str, MetadataPermission)] = &[
    ("default", MetadataPermission::Default),
    ("none", MetadataPermission::None),
    ("read", MetadataPermission::Read),
];

fn read_table_permission(parent: &mut Fields, object: Object) -> TablePermission {
    let (mut fields, table) = parent.named(object, "table permission");
    let filter = fields
        .lines("filterExpression")
        .filter(|text| !text.trim().is_empty());
    let metadata = fields
        .choice("metadataPermission", METADATA_PERMISSIONS)
        .unwrap_or_default();
    let mut columns = Vec::new();
    for object in fields.objects("columnPermissions") {
        let (mut permission, column) = fields.named(object, "column permission");
        let metadata = permission
            .choice("metadataPermission", METADATA_PERMISSIONS)
            .unwrap_or_default();
        finish(permission);
        columns.push(ColumnPermission { column, metadata });
    }
    let source = fields.source();
    finish(fields);
    TablePermission {
        table,
        filter,
        metadata,
        columns,
        source,
    }
}

fn read_member(parent: &mut Fields, object: Object) -> String {
    let mut fields = parent.inside(object, "member");
    let name = fields.text("memberName").unwrap_or_default();
    if name.is_empty() {
        fields.error("it has no 'memberName'");
    }
    for key in ["memberId", "identityProvider", "memberType"] {
        fields.text(key);
    }
    finish(fields);
    name
}

/// Annotations and extended properties carry notes of tools and grant nothing, so they may stand anywhere in a role.
fn finish(mut fields: Fields) {
    fields.unused_annotations();
    for object in fields.objects("extendedProperties") {
        let (mut property, name) = fields.named(object, "extended property");
        property.take("value");
        property.take("type");
        property.finish();
        fields.unused(format!("extended property '{name}'"));
    }
    fields.finish();
}
