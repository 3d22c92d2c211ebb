"""The management API, in Logto's shapes where Logto has the resource."""
