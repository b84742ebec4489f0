SET NOCOUNT OFF; SET LOCK_TIMEOUT 1000; SET DEADLOCK_PRIORITY LOW; SET XACT_ABORT ON; SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
GO
SELECT QUOTENAME(USER_NAME()), COALESCE(IS_SRVROLEMEMBER('sysadmin'), 0), COALESCE(IS_ROLEMEMBER('db_owner'), 0)
GO
SELECT t.name, c.name,
	COALESCE(HAS_PERMS_BY_NAME(N'[dbo].' + QUOTENAME(t.name), N'OBJECT', N'SELECT', c.name, N'COLUMN'), 0),
	COALESCE(HAS_PERMS_BY_NAME(N'[dbo].' + QUOTENAME(t.name), N'OBJECT', N'INSERT'), 0),
	COALESCE(HAS_PERMS_BY_NAME(N'[dbo].' + QUOTENAME(t.name), N'OBJECT', N'UPDATE', c.name, N'COLUMN'), 0),
	COALESCE(HAS_PERMS_BY_NAME(N'[dbo].' + QUOTENAME(t.name), N'OBJECT', N'DELETE'), 0)
FROM sys.tables AS t JOIN sys.columns AS c ON c.object_id = t.object_id
WHERE t.schema_id = SCHEMA_ID(N'dbo')
	AND t.name IN (N'OrganizationSponsorship', N'OrganizationConnection', N'Organization', N'OrganizationUser', N'Migration')
GO
SELECT MAX([ScriptName]) FROM [Migration]
GO
SELECT CONCAT((SELECT CONCAT(COUNT_BIG(*), '/', CHECKSUM_AGG(BINARY_CHECKSUM([Id], [SponsoringOrganizationId], [SponsoringOrganizationUserID], [OfferedToEmail], [FriendlyName], [LastSyncDate], [ValidUntil], [ToDelete], [IsAdminInitiated])), '/', SUM(CAST(BINARY_CHECKSUM([Id], [SponsoringOrganizationId], [SponsoringOrganizationUserID], [OfferedToEmail], [FriendlyName], [LastSyncDate], [ValidUntil], [ToDelete], [IsAdminInitiated]) AS bigint) * (BINARY_CHECKSUM([Id]) % 8191))) FROM [OrganizationSponsorship]), ' ', (SELECT CONCAT(COUNT_BIG(*), '/', CHECKSUM_AGG(BINARY_CHECKSUM([Id], [OrganizationId], [Type], [Enabled], [Config])), '/', SUM(CAST(BINARY_CHECKSUM([Id], [OrganizationId], [Type], [Enabled], [Config]) AS bigint) * (BINARY_CHECKSUM([Id]) % 8191))) FROM [OrganizationConnection] WHERE [Type] = 1), ' ', (SELECT CONCAT(COUNT_BIG(*), '/', CHECKSUM_AGG(BINARY_CHECKSUM([Id], [LicenseKey], [Name])), '/', SUM(CAST(BINARY_CHECKSUM([Id], [LicenseKey], [Name]) AS bigint) * (BINARY_CHECKSUM([Id]) % 8191))) FROM [Organization]))
GO
SELECT LOWER(CONVERT(char(36), [SponsoringOrganizationId])), CONCAT(COUNT_BIG(*), '/', CHECKSUM_AGG(BINARY_CHECKSUM([Id], [SponsoringOrganizationId], [SponsoringOrganizationUserID], [OfferedToEmail], [FriendlyName], [LastSyncDate], [ValidUntil], [ToDelete], [IsAdminInitiated])), '/', SUM(CAST(BINARY_CHECKSUM([Id], [SponsoringOrganizationId], [SponsoringOrganizationUserID], [OfferedToEmail], [FriendlyName], [LastSyncDate], [ValidUntil], [ToDelete], [IsAdminInitiated]) AS bigint) * (BINARY_CHECKSUM([Id]) % 8191))) FROM [OrganizationSponsorship] WHERE [SponsoringOrganizationId] IS NOT NULL GROUP BY [SponsoringOrganizationId]
GO
SELECT LOWER(CONVERT(char(36), [OrganizationId])), CONCAT(COUNT_BIG(*), '/', CHECKSUM_AGG(BINARY_CHECKSUM([Id], [OrganizationId], [Type], [Enabled], [Config])), '/', SUM(CAST(BINARY_CHECKSUM([Id], [OrganizationId], [Type], [Enabled], [Config]) AS bigint) * (BINARY_CHECKSUM([Id]) % 8191))) FROM [OrganizationConnection] WHERE [OrganizationId] IS NOT NULL AND [Type] = 1 GROUP BY [OrganizationId]
GO
SELECT LOWER(CONVERT(char(36), [Id])), CONCAT(COUNT_BIG(*), '/', CHECKSUM_AGG(BINARY_CHECKSUM([Id], [LicenseKey], [Name])), '/', SUM(CAST(BINARY_CHECKSUM([Id], [LicenseKey], [Name]) AS bigint) * (BINARY_CHECKSUM([Id]) % 8191))) FROM [Organization] WHERE [Id] IS NOT NULL GROUP BY [Id]
GO
DECLARE @p1 nvarchar(36);
SELECT [Name], [LicenseKey] FROM [Organization] WHERE [Id] = @p1
GO
DECLARE @p1 nvarchar(36);
SELECT LOWER(CONVERT(char(36), [Id])), CAST([Enabled] AS int), [Config] FROM [OrganizationConnection] WHERE [OrganizationId] = @p1 AND [Type] = 1
GO
DECLARE @p1 nvarchar(36);
SELECT LOWER(CONVERT(char(36), [Id])) FROM [OrganizationUser] WHERE [OrganizationId] = @p1
GO
DECLARE @p1 nvarchar(36);
SELECT LOWER(CONVERT(char(36), [Id])), LOWER(CONVERT(char(36), [SponsoringOrganizationId])), LOWER(CONVERT(char(36), [SponsoringOrganizationUserID])), [OfferedToEmail], [FriendlyName], CAST([ToDelete] AS int), CAST([IsAdminInitiated] AS int), CONVERT(varchar(27), [LastSyncDate], 121), CONVERT(varchar(27), [ValidUntil], 121) FROM [OrganizationSponsorship] WHERE [SponsoringOrganizationId] = @p1 OR [SponsoringOrganizationId] IS NULL
GO
DECLARE @p1 nvarchar(36);
SELECT LOWER(CONVERT(char(36), [Id])), [Name], [Email] FROM [User] WHERE [Id] IN (SELECT [UserId] FROM [OrganizationUser] WHERE [OrganizationId] = @p1)
GO
DECLARE @p1 nvarchar(36);
SELECT LOWER(CONVERT(char(36), [Id])), LOWER(CONVERT(char(36), [UserId])), [Email] FROM [OrganizationUser] WHERE [OrganizationId] = @p1
GO
DECLARE @p1 datetime2(7),@p2 datetime2(7),@p3 nvarchar(36),@p4 nvarchar(36),@p5 nvarchar(36),@p6 nvarchar(18),@p7 nvarchar(14),@p8 nvarchar(max),@p9 nvarchar(max);
UPDATE [OrganizationSponsorship] SET [LastSyncDate] = @p1, [ValidUntil] = @p2, [ToDelete] = 1 WHERE [Id] = @p3 AND [SponsoringOrganizationId] = @p4 AND [SponsoringOrganizationUserID] = @p5 AND CAST(COALESCE([OfferedToEmail], '') AS varbinary(512)) = CAST(CAST(@p6 AS nvarchar(256)) AS varbinary(512)) AND CAST(COALESCE([FriendlyName], '') AS varbinary(512)) = CAST(CAST(@p7 AS nvarchar(256)) AS varbinary(512)) AND (CAST([ToDelete] AS int)) = 0 AND COALESCE(CONVERT(varchar(27), [LastSyncDate], 121), '') = @p8 AND COALESCE(CONVERT(varchar(27), [ValidUntil], 121), '') = @p9 AND (CAST([IsAdminInitiated] AS int)) = 0
GO
DECLARE @p1 nvarchar(36),@p2 nvarchar(36),@p3 nvarchar(36),@p4 nvarchar(18),@p5 nvarchar(14),@p6 nvarchar(27),@p7 nvarchar(27);
DELETE FROM [OrganizationSponsorship] WHERE [Id] = @p1 AND [SponsoringOrganizationId] = @p2 AND [SponsoringOrganizationUserID] = @p3 AND CAST(COALESCE([OfferedToEmail], '') AS varbinary(512)) = CAST(CAST(@p4 AS nvarchar(256)) AS varbinary(512)) AND CAST(COALESCE([FriendlyName], '') AS varbinary(512)) = CAST(CAST(@p5 AS nvarchar(256)) AS varbinary(512)) AND (CAST([ToDelete] AS int)) = 1 AND COALESCE(CONVERT(varchar(27), [LastSyncDate], 121), '') = @p6 AND COALESCE(CONVERT(varchar(27), [ValidUntil], 121), '') = @p7 AND (CAST([IsAdminInitiated] AS int)) = 0
GO
GRANT SELECT ON OBJECT::[dbo].[OrganizationSponsorship] ([Id], [SponsoringOrganizationId], [SponsoringOrganizationUserID], [OfferedToEmail], [FriendlyName], [LastSyncDate], [ValidUntil], [ToDelete], [IsAdminInitiated]) TO sponsorsync;
GO
GRANT SELECT ON OBJECT::[dbo].[OrganizationConnection] ([Id], [OrganizationId], [Type], [Enabled], [Config]) TO sponsorsync;
GO
GRANT SELECT ON OBJECT::[dbo].[Organization] ([Id], [LicenseKey], [Name]) TO sponsorsync;
GO
GRANT SELECT ON OBJECT::[dbo].[OrganizationUser] ([Id], [OrganizationId]) TO sponsorsync;
GO
GRANT SELECT ON OBJECT::[dbo].[Migration] ([ScriptName]) TO sponsorsync;
GO
GRANT UPDATE ON OBJECT::[dbo].[OrganizationSponsorship] ([LastSyncDate], [ValidUntil], [ToDelete]) TO sponsorsync;
GO
GRANT DELETE ON OBJECT::[dbo].[OrganizationSponsorship] TO sponsorsync;
GO
